"""How far explanations of one sample agree: rank correlation, and where they differ most."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from app.drawing.importance import Array

Numbers = npt.NDArray[np.float64]

LARGELY = 0.7
PARTLY = 0.4


def rank_correlation(first: npt.ArrayLike, second: npt.ArrayLike) -> float | None:
    """Spearman's rank correlation, equal values sharing their mean rank (Spearman 1904).

    Args:
        first: [n], finite.
        second: [n], finite.

    Returns:
        -1 (opposite order) .. 1 (same order); None for fewer than 3 values or where one side has only equal ones.
    """
    one, two = (ranks(np.asarray(values, np.float64)) for values in (first, second))
    if len(one) < 3:
        return None
    one, two = one - one.mean(), two - two.mean()
    spread = float(np.sqrt((one**2).sum() * (two**2).sum()))
    return float((one * two).sum()) / spread if spread > 0 else None


def ranks(values: Numbers) -> Numbers:
    """The rank of each value in rising order, from 1; equal values share the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    mean: Numbers = last - (counts - 1) / 2
    return mean[inverse]


def disagreement(weights: Array) -> Array:
    """float32 [n]: how far apart the explanations are on each feature: its largest weight minus its smallest.

    Args:
        weights: [explanations, n].
    """
    spread: Array = weights.max(axis=0) - weights.min(axis=0)
    return spread


def in_words(correlation: float | None) -> str:
    """A rank correlation for people who do not read them."""
    if correlation is None:
        return "cannot be compared"
    if correlation >= LARGELY:
        return "largely the same order"
    if correlation >= PARTLY:
        return "partly the same order"
    return "hardly the same order" if correlation > -PARTLY else "rather the opposite order"
