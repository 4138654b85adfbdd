"""What a model relies on in a whole class: groups of superpixels and of OCR entries (P1 §3.2)."""
