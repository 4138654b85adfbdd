"""Seeded subsets: some samples of each class, or a train/test split; other samples do not disturb the choice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from precompute.recipe import derive_seed

if TYPE_CHECKING:  # importing it loads torch, which the data set stage does without
    from precompute.dataset.samples import LabelledSample


def choose_samples(samples: Sequence[LabelledSample], per_class: int | None, seed: int) -> list[LabelledSample]:
    """At most `per_class` samples of each class (all if None), in the order given.

    A larger number keeps what a smaller one chose; an added sample pushes out one of its class at most.
    """
    if per_class is None:
        return list(samples)
    by_class: dict[str, list[str]] = defaultdict(list)
    for sample in samples:
        by_class[sample.label].append(sample.path)
    chosen = {path for paths in by_class.values() for path in _shuffled(paths, seed)[:per_class]}
    return [sample for sample in samples if sample.path in chosen]


def stratified_split(labelled_paths: Iterable[tuple[str, str]], test_share: float, seed: int) -> dict[str, str]:
    """The split, `train` or `test`, of each path of a data set that comes without one.

    Args:
        labelled_paths: (label, path) of each sample.
        test_share: 0..1, share of each class that goes to test. Between 0 and 1 every class keeps at least one
            sample in train, and one in test if it has two: a class never seen in training cannot be predicted.
    """
    by_class: dict[str, list[str]] = defaultdict(list)
    for label, path in labelled_paths:
        by_class[label].append(path)
    splits = {}
    for paths in by_class.values():
        tests = round(len(paths) * test_share)
        if 0 < test_share < 1:
            tests = min(max(tests, 1), len(paths) - 1)
        for rank, path in enumerate(_shuffled(paths, seed)):
            splits[path] = "test" if rank < tests else "train"
    return splits


def _shuffled(paths: Iterable[str], seed: int) -> list[str]:
    return sorted(paths, key=lambda path: (derive_seed(seed, path), path))
