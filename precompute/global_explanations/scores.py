"""Scores of a group of features, from the weights of its occurrences alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

Score = Callable[[Sequence[float], Sequence[float]], float]


def normlime_score(weights: Sequence[float], norms: Sequence[float]) -> float:
    """NormLIME: the mean over a group's occurrences of w² / ‖w‖₁.

    Args:
        weights: w of each occurrence, at least one.
        norms: ‖w‖₁ of the whole explanation (both modalities) that each occurrence comes from, above 0.

    Returns:
        A number in 0..max(weights). Source: Ahern et al. 2019 (arXiv 1909.04200), P1 §3.2, REFERENCE.md §5.
    """
    return math.fsum(w * w / norm for w, norm in zip(weights, norms, strict=True)) / len(weights)


def averaged_importance(weights: Sequence[float], norms: Sequence[float]) -> float:
    """Averaged importance: the mean of |w| over a group's occurrences (van der Linden et al. 2019, arXiv 1907.03039).

    Args:
        weights: w of each occurrence, at least one.
        norms: not needed; every score has one call shape.
    """
    return math.fsum(abs(w) for w in weights) / len(weights)


SCORES: dict[str, Score] = {"normlime": normlime_score, "averaged_importance": averaged_importance}


def least_support(samples: int, share: float, least: int) -> int:
    """Distinct samples that a group needs: `least`, or the share of the class's explained samples, rounded up."""
    return max(least, math.ceil(round(share * samples, 9)))
