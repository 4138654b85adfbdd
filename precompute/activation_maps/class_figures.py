"""What forecasts say together: P2's similarity table and AUC, the features of each class, and maps of those."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score
from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from db.tables import Category, EmbeddingForecast, Evaluation, Model, Prediction, Sample, Vector
from precompute.activation_maps.batch import ClassRankings, MapRequest
from precompute.activation_maps.scalars import numbers_of_features
from precompute.activation_maps.stored_maps import answer_maps, category_ids, maps_unit
from precompute.dataset.samples import LabelledSample
from precompute.models.embedding_classifier import EmbeddingClassifier
from precompute.models.runtimes import CPU_ROWS
from precompute.pipeline import Job
from precompute.progress import progress_bar, say
from precompute.recipe import settings_hash
from precompute.workers import Bench, Workers

STAGE = "activation-classes"


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


def describe_classes(
    job: Job, workers: Workers, model: Model, maps_hash: str, samples: Sequence[LabelledSample]
) -> set[tuple[str, str]]:
    """Store figures of kinds `auc`, `similarity` and `features`, and maps of the features ranked over a class (P2 §5).

    Args:
        maps_hash: of the forecasts' own units.
        samples: that have forecasts.

    Returns:
        The (settings hash, key) of the model's current units.
    """
    forecasts = stored_forecasts(job, model.id)
    settings = job.recipe.activation
    parts = (settings.class_features, settings.places, settings.tops)
    value = settings_hash(maps_hash, parts, [_contents(one) for one in forecasts])
    if forecasts and model.name not in job.writer.done(STAGE, value):
        (tops,) = workers.answers(auc_of_tops, [_test_of_tops(model, forecasts, settings.tops)])
        if tops.answer is None:
            job.writer.fail_unit(STAGE, value, model.name, tops.error or "", model_id=model.id)
        else:
            rows = [
                auc_figures(model, forecasts, tops.answer),
                *similarity_figures(job, model, forecasts),
                *feature_figures(job, model, forecasts),
            ]
            job.writer.finish_unit(STAGE, value, model.name, rows, model_id=model.id)
            found = rows[0].figures["auc"]
            shown = "none: a class alone" if found is None else f"{found:.3f}"
            say(f"{model.name}: AUC one-vs-rest {shown}, {rows[0].figures['features']} features")
    rankings = class_rankings(forecasts)
    return {(value, model.name)} | _class_maps(job, workers, model, maps_hash, forecasts, rankings, samples)


def stored_forecasts(job: Job, model_id: int) -> list[StoredForecast]:
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
    with Session(job.engine) as session:
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


def _test_of_tops(model: Model, forecasts: Sequence[StoredForecast], tops: Sequence[int]) -> TestOfTops:
    test = [one for one in forecasts if one.split == "test"]
    selected = len(forecasts[0].features)
    return TestOfTops(
        model.name,
        [one.features for one in test],
        [one.values for one in test],
        [model.classes.index(one.label) for one in test],
        sorted({*numbers_of_features(tops, selected), selected}),
    )


def auc_of_tops(bench: Bench, task: TestOfTops) -> list[tuple[int, float | None]]:
    """(n, mean one-vs-rest AUC) of forests on the n features with the highest mutual information alone."""
    model = bench.models[task.model]
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


def auc_figures(
    model: Model, forecasts: Sequence[StoredForecast], tops: Sequence[tuple[int, float | None]]
) -> Evaluation:
    """P2 §3: AUC one-vs-rest over the test samples that have a forecast."""
    test = [one for one in forecasts if one.split == "test"]
    labels = np.array([model.classes.index(one.label) for one in test], dtype=np.int64)
    probabilities = np.stack([one.probabilities for one in test]) if test else np.zeros((0, len(model.classes)))
    by_class = one_vs_rest(probabilities, labels)
    figures = {
        "auc": mean_auc(by_class),
        "samples": len(test),
        "by_class": dict(zip(model.classes, by_class, strict=True)),
        "features": len(forecasts[0].features),
        "tops": [list(one) for one in tops],
    }
    return Evaluation(kind="auc", model_id=model.id, figures=figures)


def similarity_figures(job: Job, model: Model, forecasts: Sequence[StoredForecast]) -> Iterator[Evaluation]:
    """P2 Table 2: mean and standard deviation of the cosines, over all classes and by true class."""
    ids = category_ids(job.engine)
    for label in (None, *sorted({one.label for one in forecasts})):
        cosines: dict[tuple[str, int], list[float]] = defaultdict(list)
        group = [one for one in forecasts if label in (None, one.label)]
        for one in group:
            for strategy, top, cosine in one.similarities:
                cosines[strategy, top].append(cosine)
        rows = [[*key, float(np.mean(found)), float(np.std(found))] for key, found in cosines.items()]
        figures = {"samples": len(group), "rows": rows}
        yield Evaluation(
            kind="similarity", model_id=model.id, category_id=ids[label] if label else None, figures=figures
        )


def feature_figures(job: Job, model: Model, forecasts: Sequence[StoredForecast]) -> Iterator[Evaluation]:
    """The features that forecasts of each class rest on most often, and the pictures where each is highest."""
    settings, ids = job.recipe.activation, category_ids(job.engine)
    for label, ranked in ranked_features(forecasts).items():
        group = [one for one in forecasts if one.predicted == label]
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
        yield Evaluation(kind="features", model_id=model.id, category_id=ids[label], figures=figures)


def highest_places(forecasts: Sequence[StoredForecast], feature: int, count: int) -> list[dict[str, Any]]:
    """The samples with the highest values of a feature, and the box where it fires most in each."""
    places = {one.path: one.features.index(feature) for one in forecasts}
    highest = sorted(forecasts, key=lambda one: -float(one.values[places[one.path]]))[:count]
    return [
        {"sample": one.path, "value": float(one.values[places[one.path]]), "box": list(one.boxes[places[one.path]])}
        for one in highest
    ]


def _class_maps(
    job: Job,
    workers: Workers,
    model: Model,
    maps_hash: str,
    forecasts: Sequence[StoredForecast],
    rankings: ClassRankings,
    samples: Sequence[LabelledSample],
) -> set[tuple[str, str]]:
    """Compute and store what is missing; returns the (settings hash, key) of the current units."""
    by_path = {sample.path: sample for sample in samples}
    hashes = {label: settings_hash(maps_hash, ranking) for label, ranking in rankings.items()}
    done = {label: job.writer.done(STAGE, value) for label, value in hashes.items()}
    current, pending = set(), []
    of_sample = {}
    for one in forecasts:
        key, value = f"{model.name}|{one.path}", hashes[one.predicted]
        current.add((value, key))
        if key not in done[one.predicted] and one.path in by_path:
            pending.append(by_path[one.path])
            of_sample[one.path] = value
    requests = list(_requests(job, model, pending, rankings))
    ids, finished = category_ids(job.engine), 0
    with progress_bar(STAGE, "picture") as show:
        for done_job in workers.answers(answer_maps, requests):
            units = []
            for row, sample in enumerate(done_job.job.samples):
                value, key = of_sample[sample.path], f"{model.name}|{sample.path}"
                if done_job.answer is None:
                    job.writer.fail_unit(STAGE, value, key, done_job.error or "", sample_id=sample.id)
                    continue
                found, seconds = done_job.answer
                maps, share = found[model.name][row], seconds / len(done_job.job.samples)
                units.append(maps_unit(STAGE, value, model.id, model.name, sample, maps, ids, share))
            job.writer.finish_units(units)
            finished += len(done_job.job.samples)
            show(finished, len(pending))
    return current


def _requests(
    job: Job, model: Model, pending: Sequence[LabelledSample], rankings: ClassRankings
) -> Iterator[MapRequest]:
    settings = job.recipe.activation
    given: Mapping[str, ClassRankings] = {model.name: rankings}
    for start in range(0, len(pending), CPU_ROWS):
        part = tuple(pending[start : start + CPU_ROWS])
        yield MapRequest(part, (model.name,), settings.variants, settings.tops, False, given)
