"""The ranking of features over a class, on a few forecasts made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from db.records.embedding import StoredForecast
from precompute.activation_maps import class_ranking
from precompute.activation_maps.class_ranking import class_rankings, highest_boxes, ranked_features


def _forecast(path: str, predicted: str, features: list[int], weights: list[float]) -> StoredForecast:
    values = np.array([10.0 * feature + len(path) for feature in features], np.float32)
    boxes = [[feature / 10, 0.0, feature / 10 + 0.1, 0.1] for feature in features]
    return StoredForecast(
        1, path, "test", "a", predicted, features, np.array(weights, np.float32), values, boxes, [], np.ones(2)
    )


FORECASTS = [
    _forecast("x", "a", [4, 2, 7], [0.5, -0.4, 0.1]),
    _forecast("xx", "a", [2, 7, 4], [0.3, 0.2, -0.1]),
    _forecast("xxx", "b", [7, 4, 2], [0.9, 0.1, 0.1]),
]


def test_features_are_ranked_by_how_often_they_are_on_top_then_by_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(class_ranking, "TOP", 2)
    found = ranked_features(FORECASTS)
    assert [(one.feature, one.samples) for one in found["a"]] == [(2, 2), (4, 1), (7, 1)]
    assert [one.mean_weight for one in found["a"]] == pytest.approx([0.35, 0.3, 0.15])
    assert class_rankings(FORECASTS)["b"] == [7, 4, 2]


def test_the_boxes_of_a_feature_are_those_of_its_highest_values() -> None:
    assert highest_boxes(FORECASTS, 4, 2) == [
        {"sample": "xxx", "value": 43.0, "box": [0.4, 0.0, 0.5, 0.1]},
        {"sample": "xx", "value": 42.0, "box": [0.4, 0.0, 0.5, 0.1]},
    ]
