"""The built-in sample set: near-twin groceries on a shelf, drawn by code, with the evidence that tells them apart."""

from precompute.dataset.planted_set.writer import write_planted_set

__all__ = ["write_planted_set"]
