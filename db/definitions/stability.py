"""How surely the features that an explanation names first belong there: stored by evaluations, shown by pages."""

from __future__ import annotations

import math

import numpy as np

from db.values import Vector

TOP = 5


def stability(
    image_weights: Vector, text_weights: Vector, image_errors: Vector | None, text_errors: Vector | None
) -> float | None:
    """How surely the features named first belong there, from the standard errors of their weights.

    The mean over the first 5 features of the probability that the feature's true weight exceeds that of the sixth, the
    errors being taken for normal and independent: Φ((w - w₆) / √(e² + e₆²)). Source: this project.

    Args:
        image_weights: of each superpixel, [n].
        text_weights: of each entry, [m].
        image_errors: standard errors, [n].
        text_errors: standard errors, [m].

    Returns:
        0.5 (by chance) .. 1 (certain); None without errors or with fewer than 6 features.
    """
    if image_errors is None or text_errors is None:
        return None
    weights = np.concatenate([image_weights, text_weights]).astype(np.float64)
    errors = np.concatenate([image_errors, text_errors]).astype(np.float64)
    if len(weights) <= TOP:
        return None
    order = np.argsort(-weights, kind="stable")
    last, first = order[TOP], order[:TOP]
    spread = np.hypot(errors[first], errors[last])
    return math.fsum(_above(weights[one] - weights[last], of) for one, of in zip(first, spread, strict=True)) / TOP


def _above(difference: float, spread: float) -> float:
    if spread == 0:
        return 1.0 if difference > 0 else 0.5
    return 0.5 * math.erfc(-difference / (spread * math.sqrt(2)))
