"""What a model relies on in a whole class: groups of picture parts and of words (P1 §3.2)."""
