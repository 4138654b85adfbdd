"""Area under the ROC curve, one class against the rest, of an embedding classifier's forecasts (P2 §3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from db.records.written import EvaluationRecord
from db.values import Vector
from precompute.activation_maps.class_ranking import ModelForecasts
from precompute.activation_maps.scalars import numbers_of_features
from precompute.models.embedding_classifier import EmbeddingClassifier
from precompute.models.worker import WorkerState


@dataclass(frozen=True)
class AucRequest:
    """What the AUC of forests on fewer features is measured on.

    Attributes:
        features: indices in the embedding of each test sample's features, [n, k].
        values: of those features, float32 [n, k].
        labels: [n] class indices.
        tops: numbers of features to try.
    """

    model: str
    features: list[list[int]]
    values: list[Vector]
    labels: list[int]
    tops: list[int]


def auc_request(found: ModelForecasts, tops: Sequence[int]) -> AucRequest:
    """The test samples' forecasts, and the numbers of features in `tops` that there are, with that of all."""
    test = [one for one in found.forecasts if one.split == "test"]
    selected = len(found.forecasts[0].features)
    return AucRequest(
        found.model,
        [one.features for one in test],
        [one.values for one in test],
        [found.classes.index(one.label) for one in test],
        sorted({*numbers_of_features(tops, selected), selected}),
    )


def auc_by_features(state: WorkerState, task: AucRequest) -> list[tuple[int, float | None]]:
    """(n, mean one-vs-rest AUC) of forests on the n features with the highest mutual information alone."""
    model = state.models[task.model]
    assert isinstance(model, EmbeddingClassifier)
    column = {feature: index for index, feature in enumerate(model.selected)}
    rows = np.zeros((len(task.values), len(model.selected)), np.float32)
    for row, (features, values) in enumerate(zip(task.features, task.values, strict=True)):
        rows[row, [column[feature] for feature in features]] = values
    found = []
    for number in task.tops:
        forest = model.grow(number)
        probabilities = np.zeros((len(rows), len(model.classes)))
        if len(rows):
            probabilities[:, forest.classes_] = forest.predict_proba(rows[:, :number])
        found.append((number, mean_auc(one_vs_rest(probabilities, np.array(task.labels, dtype=np.int64)))))
    return found


def one_vs_rest(probabilities: npt.NDArray[Any], labels: npt.NDArray[np.int64]) -> list[float | None]:
    """Area under the ROC curve of each class against the rest; None where one of the two has no sample.

    Args:
        probabilities: [n, classes].
        labels: [n] class indices.
    """
    return [
        float(roc_auc_score(labels == index, probabilities[:, index]))
        if 0 < (labels == index).sum() < len(labels)
        else None
        for index in range(probabilities.shape[1])
    ]


def mean_auc(found: Sequence[float | None]) -> float | None:
    """The mean over the classes that have one."""
    known = [one for one in found if one is not None]
    return float(np.mean(known)) if known else None


def auc_figures(found: ModelForecasts, tops: Sequence[tuple[int, float | None]]) -> EvaluationRecord:
    """P2 §3: AUC one-vs-rest over the test samples that have a forecast."""
    classes = found.classes
    test = [one for one in found.forecasts if one.split == "test"]
    labels = np.array([classes.index(one.label) for one in test], dtype=np.int64)
    probabilities = np.stack([one.probabilities for one in test]) if test else np.zeros((0, len(classes)))
    by_class = one_vs_rest(probabilities, labels)
    figures = {
        "auc": mean_auc(by_class),
        "samples": len(test),
        "by_class": dict(zip(classes, by_class, strict=True)),
        "features": len(found.forecasts[0].features),
        "tops": [list(one) for one in tops],
    }
    return EvaluationRecord(kind="auc", model=found.model, figures=figures)
