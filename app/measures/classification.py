"""How well a model tells the classes apart: scores by class, and how well its certainty is calibrated."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from db.records.predictions import Outcomes

BINS = 10
FAITHFUL = 0.03
"""So far may certainty and accuracy lie apart on average for the certainty to be taken at its word."""


@dataclass(frozen=True)
class ClassScore:
    """One class on the test split; `rival` = the class that it is most often taken for, `rival_count` times.

    `recall` = right / samples of the class, `precision` = right / samples taken for it, both in 0..1, None without
    any; `image_share` = the median over its explained samples of both splits.
    """

    label: str
    tested: int
    recall: float | None
    precision: float | None
    image_share: float | None
    rival: str | None
    rival_count: int
    taken_for_it: int


def class_scores(outcomes: Outcomes) -> dict[str, ClassScore]:
    """The scores of every class, by label."""
    counts = confusion_counts(outcomes)
    right, of_class, taken = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    mistaken = counts - np.diag(right)
    rivals = mistaken.argmax(axis=1) if counts.size else np.zeros(0, int)
    shares = median_shares(outcomes)
    return {
        label: ClassScore(
            label=label,
            tested=int(of_class[i]),
            recall=float(right[i] / of_class[i]) if of_class[i] else None,
            precision=float(right[i] / taken[i]) if taken[i] else None,
            image_share=shares[label][0] if label in shares else None,
            rival=outcomes.labels[rivals[i]] if mistaken[i].any() else None,
            rival_count=int(mistaken[i].max()),
            taken_for_it=int(taken[i] - right[i]),
        )
        for i, label in enumerate(outcomes.labels)
    }


def confusion_counts(outcomes: Outcomes) -> np.ndarray:
    """int [k, k]: test samples by their class (row) and what they are taken for (column), in the labels' order."""
    size = len(outcomes.labels)
    cells = outcomes.label[outcomes.is_test].astype(np.int64) * size + outcomes.predicted[outcomes.is_test]
    return np.bincount(cells, minlength=size * size).reshape(size, size)


def median_shares(outcomes: Outcomes) -> dict[str, tuple[float, int]]:
    """By label: the median image share over a class's explained samples, and how many have one."""
    known = ~np.isnan(outcomes.image_share)
    labels, shares = outcomes.label[known], outcomes.image_share[known]
    order = np.argsort(labels, kind="stable")
    found, starts = np.unique(labels[order], return_index=True)
    parts = np.split(shares[order], starts[1:]) if len(found) else []
    return {
        outcomes.labels[label]: (float(np.median(part)), len(part)) for label, part in zip(found, parts, strict=True)
    }


@dataclass(frozen=True)
class CalibrationBin:
    """The test samples whose probability lies in [low, high); the last bin holds 1 too. Means are nan without any."""

    low: float
    high: float
    count: int
    certainty: float
    accuracy: float


@dataclass(frozen=True)
class Calibration:
    """Reliability over equal bins (Guo et al. 2017, eq. 3), `error` = expected calibration error, in 0..1.

    `excess` = mean certainty minus accuracy: above 0 a model is too sure of itself.
    """

    bins: tuple[CalibrationBin, ...]
    error: float
    excess: float
    samples: int


def calibration(outcomes: Outcomes) -> Calibration | None:
    """How certainty and accuracy go together on the test split; None without any prediction there."""
    probability = outcomes.probability[outcomes.is_test].astype(np.float64)
    right = outcomes.is_correct[outcomes.is_test]
    if not len(probability):
        return None
    index = np.minimum((probability * BINS).astype(int), BINS - 1)
    counts = np.bincount(index, minlength=BINS)
    with np.errstate(invalid="ignore"):
        certainty = np.bincount(index, probability, BINS) / counts
        accuracy = np.bincount(index, right, BINS) / counts
    bins = tuple(
        CalibrationBin(i / BINS, (i + 1) / BINS, int(counts[i]), float(certainty[i]), float(accuracy[i]))
        for i in range(BINS)
    )
    error = math.fsum(one.count * abs(one.accuracy - one.certainty) for one in bins if one.count) / len(probability)
    return Calibration(bins, error, float(probability.mean() - right.mean()), len(probability))
