"""The Global tab: of a class, of a whole model, of an embedding classifier."""
