"""The stage that ranks the features of embedding classifiers' forecasts and stores activation maps.

A work unit is one model and sample. What is known of whole classes comes after them: see class_stage.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from db.errors import UserError
from db.read.reader import Reader
from db.records.models import StoredModel
from db.records.written import Record
from db.session import Engine
from precompute.activation_maps.batch import MapRequest
from precompute.activation_maps.stored_maps import SampleAnswer, answer_maps, map_records
from precompute.context import RunContext
from precompute.dataset.faults import InputChangedError
from precompute.dataset.samples import LabelledSample
from precompute.dataset.subsets import choose_samples
from precompute.engine import ByKey, Failed, Stage, Task
from precompute.executors import Job
from precompute.local_explanations.selection import chosen_samples, tasks_of_samples
from precompute.models.runtimes import CPU_ROWS
from precompute.models.worker import WorkerState, setup_of_tasks
from precompute.provenance import SETTINGS
from precompute.recipe import Recipe, settings_hash

ACTIVATION = "activation"


def activation_stage(recipe: Recipe) -> Stage:
    """The stage, with the settings of a recipe (P2 §2, §3)."""
    return Stage(
        name=ACTIVATION,
        settings=SETTINGS[ACTIVATION](recipe),
        inputs=(),
        tasks=_tasks,
        work=map_samples,
        rows=_rows,
        jobs=_jobs,
        setup=setup_of_tasks,
        counted="prediction",
    )


def _tasks(context: RunContext) -> Iterator[Task]:
    """Raises:
    UserError: nothing is trained that activation maps can be made of.
    """
    models = mapped_models(context.engine)
    if not models:
        raise UserError("activation: no explained model with an image tower; run the stage train first")
    marks = {model.name: maps_hash(context.recipe, model) for model in models}
    return tasks_of_samples(context, marks, mapped_samples(context))


def mapped_samples(context: RunContext) -> list[LabelledSample]:
    """The samples that maps are wanted of: those that are explained, or so many of each class."""
    recipe = context.recipe
    samples = chosen_samples(context.engine, context.options)
    return choose_samples(samples, recipe.activation.samples_per_class, recipe.seed)


def mapped_models(engine: Engine) -> list[StoredModel]:
    """The models that have maps: embedding classifiers, and the explained ones with an image tower and a head."""
    stored = Reader(engine).models.stored()
    return [one for one in stored if one.kind == "embedding" or (one.explained and one.kind not in ("own", "text"))]


def maps_hash(recipe: Recipe, model: StoredModel) -> str:
    """The hash of what a model's maps depend on."""
    return settings_hash(*SETTINGS[ACTIVATION](recipe), model.checkpoint_hash, model.classes)


@dataclass(frozen=True)
class BatchRequest:
    """What to map, and the keys of the tasks by model and path."""

    maps: MapRequest
    keys: dict[tuple[str, str], str]


def _jobs(context: RunContext, tasks: Sequence[Task]) -> Iterator[Job]:
    """Whole batches of samples that lack the same models, which share towers."""
    lacking: dict[LabelledSample, list[str]] = defaultdict(list)
    keys: dict[tuple[str, str], str] = {}
    for task in tasks:
        assert task.model is not None
        lacking[task.payload].append(task.model)
        keys[task.model, task.payload.path] = task.key
    by_models: dict[tuple[str, ...], list[LabelledSample]] = defaultdict(list)
    for sample, names in lacking.items():
        by_models[tuple(names)].append(sample)
    settings = context.recipe.activation
    for models, samples in by_models.items():
        for start in range(0, len(samples), CPU_ROWS):
            part = tuple(samples[start : start + CPU_ROWS])
            own = {(name, sample.path): keys[name, sample.path] for sample in part for name in models}
            request = MapRequest(part, models, settings.variants, settings.tops, forecasts=True, class_rankings={})
            yield Job(tuple(own.values()), BatchRequest(request, own))


def map_samples(state: WorkerState, request: BatchRequest) -> ByKey:
    """Maps of a batch; a model whose tower has no spatial stages fails alone."""
    found: dict[str, Sequence[SampleAnswer | Failed]] = {}
    maps = request.maps
    try:
        found |= answer_maps(state, maps)
    except UserError:
        for name in maps.models:
            found[name] = _alone(state, maps, name)
    return ByKey(
        {
            request.keys[name, sample.path]: answer
            for name, answers in found.items()
            for sample, answer in zip(maps.samples, answers, strict=True)
        }
    )


def _alone(state: WorkerState, maps: MapRequest, name: str) -> Sequence[SampleAnswer | Failed]:
    request = MapRequest(maps.samples, (name,), maps.variants, maps.tops, maps.forecasts, maps.class_rankings)
    try:
        return answer_maps(state, request)[name]
    except InputChangedError:
        raise
    except UserError as error:
        return [Failed(str(error)) for _ in maps.samples]


def _rows(task: Task, answers: Sequence[SampleAnswer]) -> list[Record]:
    assert task.model is not None
    assert task.sample is not None
    return map_records(task.model, task.sample, answers[0])
