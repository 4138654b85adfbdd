"""Deletion and insertion curves of one joint ranking of superpixels and entries."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from precompute.local_explanations.sampling import Masks

Numbers = npt.NDArray[np.float64]
Ranking = npt.NDArray[np.intp]


def removal_counts(features: int, steps: int) -> npt.NDArray[np.intp]:
    """How many features are removed at each point of a curve: evenly from 0 to all, at most `steps` + 1 points."""
    return np.round(np.linspace(0, features, min(features, steps) + 1)).astype(np.intp)


def deletion_masks(ranking: Ranking, counts: npt.NDArray[np.intp]) -> Masks:
    """bool [points, features], True = kept: without the first `count` features of the ranking."""
    indices = np.empty(len(ranking), dtype=np.intp)
    indices[ranking] = np.arange(len(ranking))
    return np.asarray(indices[None, :] >= counts[:, None])


def area_under_curve(counts: npt.NDArray[np.intp], probabilities: Numbers) -> float:
    """Area under a curve by the trapezoid rule over the fraction removed or inserted.

    Args:
        counts: rising, from 0 to the number of features.
        probabilities: of the explained class at each.

    Returns:
        0..1. Source: RISE, Petsiuk et al. 2018; docs/definitions.md, Deletion and insertion curves.
    """
    fractions = counts / counts[-1]
    return float(((probabilities[1:] + probabilities[:-1]) / 2 * np.diff(fractions)).sum())
