"""The linear surrogate that is fitted to a model's answers around one sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from lime.lime_base import LimeBase
from sklearn.linear_model import Ridge
from sklearn.metrics import pairwise_distances

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Surrogate:
    """A fitted surrogate.

    `weights` [d] with their standard errors [d], None where the design gives none; `prediction` at all ones =
    intercept + sum of the weights.
    """

    intercept: float
    weights: Floats
    r2: float
    prediction: float
    errors: Floats | None = None


def proximity(distances: Floats, kernel_width: float) -> Floats:
    """lime's kernel: sqrt(exp(-d²/width²)), 1 at distance 0 and falling with it."""
    return np.sqrt(np.exp(-(distances**2) / kernel_width**2))


def cosine_distances(features: Floats) -> Floats:
    """Cosine distance [n] of each row to all ones; 1 for a row of zeros."""
    distances: Floats = pairwise_distances(features, np.ones((1, features.shape[1])), metric="cosine").ravel()
    return distances


def fit_lime(features: Floats, probabilities: Floats, kernel_width: float, ridge: float) -> list[Surrogate]:
    """Fit one surrogate a target with `lime.lime_base.LimeBase` (docs/definitions.md, Local explanation).

    Args:
        features: [n, d] of 0 and 1, row 0 all ones.
        probabilities: [n, targets].
        kernel_width: of `proximity`, in units of cosine distance.
        ridge: the ridge penalty alpha.

    Returns:
        One surrogate a column of `probabilities`.
    """
    base = LimeBase(lambda distances: proximity(distances, kernel_width), random_state=0)
    distances = cosine_distances(features)
    surrogates = []
    for target in range(probabilities.shape[1]):
        intercept, pairs, r2, prediction = base.explain_instance_with_data(
            features,
            probabilities,
            distances,
            target,
            features.shape[1],
            feature_selection="none",
            model_regressor=Ridge(alpha=ridge),
        )
        weights = np.empty(features.shape[1])
        for feature, weight in pairs:
            weights[feature] = weight
        surrogates.append(Surrogate(float(intercept), weights, float(r2), float(prediction[0])))
    return surrogates
