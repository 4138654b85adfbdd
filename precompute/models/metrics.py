"""Accuracy, top-k accuracy and confusion of predictions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.integer[Any]]
Probabilities = npt.NDArray[np.floating[Any]]


def accuracy(true: Indices, predicted: Indices) -> float:
    """Share of right predictions in [0, 1]; both [n] class indices, n >= 1."""
    return float((true == predicted).mean())


def top_k_accuracy(true: Indices, probabilities: Probabilities, k: int) -> float:
    """Share of samples whose class is among the k most probable ones; of equal probabilities the earlier class first.

    Args:
        true: [n] class indices, n >= 1.
        probabilities: [n, classes].
    """
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return float((best == true[:, None]).any(axis=1).mean())


def confusion(true: Sequence[str], predicted: Sequence[str]) -> list[list[Any]]:
    """All pairs that occur as [true label, predicted label, count], sorted by labels."""
    return [[t, p, count] for (t, p), count in sorted(Counter(zip(true, predicted, strict=True)).items())]
