"""The stage after the maps: AUC, similarities and features of each class, and maps of the features of a class."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from db.read.reader import Reader
from db.records.embedding import StoredForecast
from db.records.written import EvaluationRecord, Record
from precompute.activation_maps.auc import AucRequest, auc_by_features, auc_figures, auc_request
from precompute.activation_maps.batch import MapRequest
from precompute.activation_maps.class_ranking import ModelForecasts, class_rankings, feature_figures
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
from precompute.models.runtimes import CPU_ROWS
from precompute.models.worker import WorkerState, setup_of_tasks
from precompute.progress import say
from precompute.provenance import INPUTS, SETTINGS
from precompute.recipe import Recipe, settings_hash

ACTIVATION_CLASSES = "activation-classes"


def activation_classes_stage(recipe: Recipe) -> Stage:
    """The stage, with the settings of a recipe: figures over all forecasts of a model (P2 §3, §5).

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
        forecasts = Reader(context.engine).embedding.forecasts(model.name) if model.kind == "embedding" else []
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
            yield Job((task.key,), auc_request(task.payload, settings.tops))
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


def _work(state: WorkerState, request: AucRequest | BatchRequest) -> Any:
    return auc_by_features(state, request) if isinstance(request, AucRequest) else map_samples(state, request)


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
    for one in Reader(context.engine).evaluations.figures("auc"):
        shown = "none: a class alone" if one.figures["auc"] is None else f"{one.figures['auc']:.3f}"
        say(f"{one.model}: AUC one-vs-rest {shown}, {one.figures['features']} features")


def _contents(forecast: StoredForecast) -> list[str]:
    """Identifies a forecast: another one of the same sample, after its picture or label changed, differs."""
    numbers = (forecast.probabilities, forecast.values, forecast.weights)
    digest = hashlib.sha256(b"".join(np.asarray(one, np.float32).tobytes() for one in numbers)).hexdigest()
    return [forecast.path, forecast.label, forecast.predicted, digest]


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
