"""What forecasts say together: P2's similarity table and AUC, the features of each class, and maps of those."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, aliased

from db.read.reader import Reader
from db.records.written import EvaluationRecord, Record
from db.schema.columns import Vector
from db.schema.tables import Category, EmbeddingForecast, Prediction, Sample
from precompute.activation_maps.batch import MapRequest
from precompute.activation_maps.scalars import numbers_of_features
from precompute.activation_maps.stage import (
    BatchRequest,
    map_samples,
    mapped_models,
    mapped_samples,
    maps_hash,
)
from precompute.activation_maps.stored_maps import map_records
from precompute.context import RunContext
from precompute.engine import Stage, Task
from precompute.executors import Job
from precompute.models.embedding_classifier import EmbeddingClassifier
from precompute.models.runtimes import CPU_ROWS
from precompute.models.worker import WorkerState, setup_of_tasks
from precompute.progress import say
from precompute.provenance import INPUTS, SETTINGS
from precompute.recipe import ActivationSettings, Recipe, settings_hash

ACTIVATION_CLASSES = "activation-classes"


@dataclass(frozen=True)
class StoredForecast:
    """A stored forecast; `predicted` = its class, `label` the sample's own; `probabilities` of all classes."""

    sample_id: int
    path: str
    split: str
    label: str
    predicted: str
    features: list[int]
    weights: Vector
    values: Vector
    boxes: list[list[float]]
    similarities: list[tuple[str, int, float]]
    probabilities: Vector


@dataclass(frozen=True)
class ModelForecasts:
    """An embedding classifier, its classes in the order of probabilities, and its forecasts (one at least) by path."""

    model: str
    classes: Sequence[str]
    forecasts: Sequence[StoredForecast]


def activation_classes_stage(recipe: Recipe) -> Stage:
    """The stage, with the settings of a recipe: what forecasts say together (P2 §3, §5).

    A unit of a model stores figures of kinds `auc`, `similarity` and `features`; a unit of a model and sample maps of
    the features ranked over the class of its forecast.
    """
    return Stage(
        name=ACTIVATION_CLASSES,
        settings=SETTINGS[ACTIVATION_CLASSES](recipe),
        inputs=INPUTS[ACTIVATION_CLASSES],
        tasks=_tasks,
        work=_work,
        rows=lambda task, answers: _rows(recipe, task, answers),
        jobs=_jobs,
        setup=setup_of_tasks,
        counted="prediction",
        after=_say_auc,
    )


def _tasks(context: RunContext) -> Iterator[Task]:
    settings = context.recipe.activation
    wanted = {sample.path: sample for sample in mapped_samples(context)}
    for model in mapped_models(context.engine):
        forecasts = stored_forecasts(context.engine, model.id) if model.kind == "embedding" else []
        if not forecasts:
            continue
        maps = maps_hash(context.recipe, model)
        parts = (settings.class_features, settings.places, settings.tops)
        yield Task(
            key=model.name,
            mark=settings_hash(maps, parts, [_contents(one) for one in forecasts]),
            payload=ModelForecasts(model.name, model.classes, forecasts),
            model=model.name,
        )
        rankings = class_rankings(forecasts)
        marks = {label: settings_hash(maps, ranking) for label, ranking in rankings.items()}
        for one in forecasts:
            yield Task(
                key=f"{model.name}|{one.path}",
                mark=marks[one.predicted],
                payload=(wanted.get(one.path), rankings),
                model=model.name,
                sample=one.path,
                wanted=one.path in wanted,
            )


def _jobs(context: RunContext, tasks: Sequence[Task]) -> Iterator[Job]:
    """Figures of each model, then whole batches of its samples."""
    settings = context.recipe.activation
    batches: dict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        assert task.model is not None
        if isinstance(task.payload, ModelForecasts):
            yield Job((task.key,), _test_of_tops(task.payload, settings.tops))
        else:
            batches[task.model].append(task)
    for name, found in batches.items():
        for start in range(0, len(found), CPU_ROWS):
            part = found[start : start + CPU_ROWS]
            _, rankings = part[0].payload
            samples = tuple(task.payload[0] for task in part)
            request = MapRequest(samples, (name,), settings.variants, settings.tops, False, {name: rankings})
            keys = {(name, task.payload[0].path): task.key for task in part}
            yield Job(tuple(keys.values()), BatchRequest(request, keys))


def _work(state: WorkerState, request: TestOfTops | BatchRequest) -> Any:
    return auc_of_tops(state, request) if isinstance(request, TestOfTops) else map_samples(state, request)


def _rows(recipe: Recipe, task: Task, answers: Sequence[Any]) -> list[Record]:
    if not isinstance(task.payload, ModelForecasts):
        assert task.model is not None
        assert task.sample is not None
        return map_records(task.model, task.sample, answers[0])
    found = task.payload
    return [
        auc_figures(found, answers[0]),
        *similarity_figures(found),
        *feature_figures(found, recipe.activation),
    ]


def _say_auc(context: RunContext) -> None:
    for one in Reader(context.engine).figures("auc"):
        shown = "none: a class alone" if one.figures["auc"] is None else f"{one.figures['auc']:.3f}"
        say(f"{one.model}: AUC one-vs-rest {shown}, {one.figures['features']} features")


def stored_forecasts(engine: Engine, model_id: int) -> list[StoredForecast]:
    """All forecasts of a model, by path of the sample."""
    own = aliased(Category)
    names = ("features", "weights", "values", "boxes", "similarities")
    query = (
        select(
            Sample.id,
            Sample.path,
            Sample.split,
            own.label,
            Category.label,
            *(getattr(EmbeddingForecast, name) for name in names),
            Prediction.probabilities,
        )
        .select_from(EmbeddingForecast)
        .join(Sample, Sample.id == EmbeddingForecast.sample_id)
        .join(own, own.id == Sample.category_id)
        .join(Category, Category.id == EmbeddingForecast.category_id)
        .join(Prediction, Prediction.sample_id == Sample.id)
        .where(EmbeddingForecast.model_id == model_id, Prediction.model_id == model_id)
        .order_by(Sample.path)
    )
    with Session(engine) as session:
        return [StoredForecast(*row) for row in session.execute(query)]


def _contents(forecast: StoredForecast) -> list[str]:
    """What tells a forecast from another one of the same sample, made after its picture or label changed."""
    numbers = (forecast.probabilities, forecast.values, forecast.weights)
    digest = hashlib.sha256(b"".join(np.asarray(one, np.float32).tobytes() for one in numbers)).hexdigest()
    return [forecast.path, forecast.label, forecast.predicted, digest]


def class_rankings(forecasts: Sequence[StoredForecast]) -> dict[str, list[int]]:
    """Features by class of forecast: those that are among the `top` of most forecasts first, then by mean |weight|."""
    return {label: [one.feature for one in ranked] for label, ranked in ranked_features(forecasts).items()}


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
class TestOfTops:
    """Test forecasts' features by index [n, width of the list], labels' places, and the numbers of features to try."""

    model: str
    features: list[list[int]]
    values: list[Vector]
    labels: list[int]
    tops: list[int]


def _test_of_tops(found: ModelForecasts, tops: Sequence[int]) -> TestOfTops:
    test = [one for one in found.forecasts if one.split == "test"]
    selected = len(found.forecasts[0].features)
    return TestOfTops(
        found.model,
        [one.features for one in test],
        [one.values for one in test],
        [found.classes.index(one.label) for one in test],
        sorted({*numbers_of_features(tops, selected), selected}),
    )


def auc_of_tops(state: WorkerState, task: TestOfTops) -> list[tuple[int, float | None]]:
    """(n, mean one-vs-rest AUC) of forests on the n features with the highest mutual information alone."""
    model = state.models[task.model]
    assert isinstance(model, EmbeddingClassifier)
    place = {feature: index for index, feature in enumerate(model.selected)}
    rows = np.zeros((len(task.values), len(model.selected)), np.float32)
    for row, (features, values) in enumerate(zip(task.features, task.values, strict=True)):
        rows[row, [place[feature] for feature in features]] = values
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
        labels: [n], places of the classes.
    """
    return [
        float(roc_auc_score(labels == place, probabilities[:, place]))
        if 0 < (labels == place).sum() < len(labels)
        else None
        for place in range(probabilities.shape[1])
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


def similarity_figures(found: ModelForecasts) -> Iterator[EvaluationRecord]:
    """P2 Table 2: mean and standard deviation of the cosines, over all classes and by true class."""
    for label in (None, *sorted({one.label for one in found.forecasts})):
        cosines: dict[tuple[str, int], list[float]] = defaultdict(list)
        group = [one for one in found.forecasts if label in (None, one.label)]
        for one in group:
            for strategy, top, cosine in one.similarities:
                cosines[strategy, top].append(cosine)
        rows = [[*key, float(np.mean(values)), float(np.std(values))] for key, values in cosines.items()]
        figures = {"samples": len(group), "rows": rows}
        yield EvaluationRecord(kind="similarity", model=found.model, label=label, figures=figures)


def feature_figures(found: ModelForecasts, settings: ActivationSettings) -> Iterator[EvaluationRecord]:
    """The features that forecasts of each class rest on most often, and the pictures where each is highest."""
    for label, ranked in ranked_features(found.forecasts).items():
        group = [one for one in found.forecasts if one.predicted == label]
        features = [
            {
                "feature": one.feature,
                "samples": one.samples,
                "mean_weight": one.mean_weight,
                "places": highest_places(group, one.feature, settings.places),
            }
            for one in ranked[: settings.class_features]
        ]
        figures = {"samples": len(group), "top": TOP, "features": features}
        yield EvaluationRecord(kind="features", model=found.model, label=label, figures=figures)


def highest_places(forecasts: Sequence[StoredForecast], feature: int, count: int) -> list[dict[str, Any]]:
    """The samples with the highest values of a feature, and the box where it fires most in each."""
    places = {one.path: one.features.index(feature) for one in forecasts}
    highest = sorted(forecasts, key=lambda one: -float(one.values[places[one.path]]))[:count]
    return [
        {"sample": one.path, "value": float(one.values[places[one.path]]), "box": list(one.boxes[places[one.path]])}
        for one in highest
    ]
