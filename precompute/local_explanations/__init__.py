"""LIME over superpixels and OCR entries jointly (P1 §3.1)."""
