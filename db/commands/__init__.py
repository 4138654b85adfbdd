"""What `python -m db` does: figures, checks, exports, compacting, copying."""
