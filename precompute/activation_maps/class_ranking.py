"""The features that the forecasts of a class rest on most often, and the pictures in which each is highest (P2 §5)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from db.records.embedding import StoredForecast
from db.records.written import EvaluationRecord
from precompute.recipe import ActivationSettings

TOP = 13
"""A feature is counted where it is among so many highest ranked: P2's largest number."""


@dataclass(frozen=True)
class RankedFeature:
    """A feature of a class: among the top ones of `samples` forecasts; `mean_weight` = mean |weight| over all."""

    feature: int
    samples: int
    mean_weight: float


def ranked_features(forecasts: Sequence[StoredForecast]) -> dict[str, list[RankedFeature]]:
    """All selected features by class of forecast, the most often ranked first."""
    of_class: dict[str, list[StoredForecast]] = defaultdict(list)
    for one in forecasts:
        of_class[one.predicted].append(one)
    found = {}
    for label, group in of_class.items():
        counts: dict[int, int] = defaultdict(int)
        weights: dict[int, float] = defaultdict(float)
        for one in group:
            for rank, (feature, weight) in enumerate(zip(one.features, one.weights, strict=True)):
                counts[feature] += rank < TOP
                weights[feature] += abs(float(weight)) / len(group)
        features = sorted(weights, key=lambda feature: (-counts[feature], -weights[feature], feature))
        found[label] = [RankedFeature(feature, counts[feature], weights[feature]) for feature in features]
    return found


@dataclass(frozen=True)
class ModelForecasts:
    """An embedding classifier, its classes in the order of probabilities, and its forecasts (one at least) by path."""

    model: str
    classes: Sequence[str]
    forecasts: Sequence[StoredForecast]


def class_rankings(forecasts: Sequence[StoredForecast]) -> dict[str, list[int]]:
    """Features by class of forecast: those that are among the `top` of most forecasts first, then by mean |weight|."""
    return {label: [one.feature for one in ranked] for label, ranked in ranked_features(forecasts).items()}


def feature_figures(found: ModelForecasts, settings: ActivationSettings) -> Iterator[EvaluationRecord]:
    """The features that forecasts of each class rest on most often, and the pictures where each is highest."""
    for label, ranked in ranked_features(found.forecasts).items():
        group = [one for one in found.forecasts if one.predicted == label]
        features = [
            {
                "feature": one.feature,
                "samples": one.samples,
                "mean_weight": one.mean_weight,
                "places": highest_boxes(group, one.feature, settings.places),
            }
            for one in ranked[: settings.class_features]
        ]
        figures = {"samples": len(group), "top": TOP, "features": features}
        yield EvaluationRecord(kind="features", model=found.model, label=label, figures=figures)


def highest_boxes(forecasts: Sequence[StoredForecast], feature: int, count: int) -> list[dict[str, Any]]:
    """The samples with the highest values of a feature, and the box of the last stage's cell where it is highest.

    Args:
        forecasts: that have the feature among the selected ones.
        count: so many samples at most.
    """
    columns = {one.path: one.features.index(feature) for one in forecasts}
    highest = sorted(forecasts, key=lambda one: -float(one.values[columns[one.path]]))[:count]
    return [
        {"sample": one.path, "value": float(one.values[columns[one.path]]), "box": list(one.boxes[columns[one.path]])}
        for one in highest
    ]
