"""Deletion and insertion curves of one joint ranking of superpixels and entries, and how sure the ranking is."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from precompute.local_explanations.sampling import Masks

Numbers = npt.NDArray[np.float64]
Ranking = npt.NDArray[np.intp]

TOP = 5


def steps_of(features: int, steps: int) -> npt.NDArray[np.intp]:
    """How many features are removed at each point of a curve: evenly from 0 to all, at most `steps` + 1 points."""
    return np.round(np.linspace(0, features, min(features, steps) + 1)).astype(np.intp)


def deletion_masks(ranking: Ranking, counts: npt.NDArray[np.intp]) -> Masks:
    """bool [points, features], True = kept: without the first `count` features of the ranking."""
    places = np.empty(len(ranking), dtype=np.intp)
    places[ranking] = np.arange(len(ranking))
    return np.asarray(places[None, :] >= counts[:, None])


def curve_area(counts: npt.NDArray[np.intp], probabilities: Numbers) -> float:
    """Area under a curve by the trapezoid rule over the fraction removed or inserted (RISE; REFERENCE.md §8).

    Args:
        counts: rising, from 0 to the number of features.
        probabilities: of the explained class at each.

    Returns:
        0..1.
    """
    fractions = counts / counts[-1]
    return float(((probabilities[1:] + probabilities[:-1]) / 2 * np.diff(fractions)).sum())


def stability(weights: Numbers, errors: Numbers | None) -> float | None:
    """How surely the features named first belong there, from the standard errors of their weights.

    The mean over the first 5 features of the probability that the feature's true weight exceeds that of the sixth, the
    errors being taken for normal and independent: Φ((w - w₆) / √(e² + e₆²)). Source: ours.

    Args:
        weights: of all features, both modalities.
        errors: their standard errors.

    Returns:
        0.5 (by chance) .. 1 (certain); None without errors or with fewer than 6 features.
    """
    if errors is None or len(weights) <= TOP:
        return None
    order = np.argsort(-weights, kind="stable")
    last, first = order[TOP], order[:TOP]
    spread = np.hypot(errors[first], errors[last])
    return math.fsum(_above(weights[one] - weights[last], of) for one, of in zip(first, spread, strict=True)) / TOP


def _above(difference: float, spread: float) -> float:
    return 0.5 * math.erfc(-difference / (spread * math.sqrt(2))) if spread > 0 else 1.0
