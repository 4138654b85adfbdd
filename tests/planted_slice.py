"""A slice of the built-in sample set: its first pairs of twins alone, with which the whole job takes seconds."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

from precompute.dataset.planted_set import writer
from precompute.dataset.planted_set.products import PAIRS

PAIRS_TAKEN = 2
CLASSES = 2 * PAIRS_TAKEN


def write_planted_slice(folder: Path, seed: int = 0, train_per_class: int = 4, test_per_class: int = 2) -> None:
    """As `write_planted_set` draws these classes, in this process."""
    pairs = PAIRS[:PAIRS_TAKEN]
    products = tuple(product for pair in pairs for product in pair.twins)
    with mock.patch.multiple(writer, PAIRS=pairs, PRODUCTS=products):
        writer.write_planted_set(folder, seed, train_per_class, test_per_class, workers=1)
