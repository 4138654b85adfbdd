"""The stage that explains predictions: which samples, which models, one work unit a model and sample."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from db.errors import UserError
from db.read.reader import Reader
from db.records.written import ExplanationRecord, Record, SegmentationRecord
from precompute.context import RunContext
from precompute.dataset.samples import LabelledSample, sample_picture
from precompute.engine import ByKey, Stage, Task, grouped, keys_by_model
from precompute.executors import Job
from precompute.local_explanations.explain import explain_sample
from precompute.local_explanations.selection import chosen_samples, tasks_of_samples
from precompute.local_explanations.superpixels import decode_label_map, encode_label_map, segment
from precompute.models.text import cut_entries
from precompute.models.worker import WorkerState, setup_of_tasks
from precompute.provenance import SETTINGS
from precompute.recipe import ExplainSettings, Recipe, settings_hash

EXPLAIN_LOCAL = "explain-local"


@dataclass(frozen=True)
class Request:
    """A sample, the keys of its tasks by the model's name, and its superpixels as PNG where they are stored."""

    sample: LabelledSample
    keys: dict[str, str]
    label_map: bytes | None = None


@dataclass(frozen=True)
class Answer:
    """A sample's superpixels, and one model's explanations of it; `tower_seconds` = the model's share of that time."""

    segmentation: SegmentationRecord
    explanations: Sequence[ExplanationRecord]
    seconds: float
    tower_seconds: float


def explain_local_stage(recipe: Recipe) -> Stage:
    """The stage, with the settings of a recipe (P1 §3.1)."""
    return Stage(
        name=EXPLAIN_LOCAL,
        settings=SETTINGS[EXPLAIN_LOCAL](recipe),
        inputs=(),
        tasks=_tasks,
        work=_explain,
        rows=_rows,
        jobs=_jobs,
        load=_with_label_map,
        setup=setup_of_tasks,
        counted="prediction",
        throughput=Throughput,
    )


def _tasks(context: RunContext) -> Iterator[Task]:
    """Raises:
    UserError: nothing is trained yet, or no sample was chosen.
    """
    models = Reader(context.engine).models.stored(explained=True)
    if not models:
        raise UserError("explain-local: no trained model that the recipe explains; run the stage train first")
    settings = SETTINGS[EXPLAIN_LOCAL](context.recipe)
    marks = {model.name: settings_hash(*settings, model.checkpoint_hash, model.classes) for model in models}
    return tasks_of_samples(context, marks, chosen_samples(context.engine, context.options))


def _jobs(_: RunContext, tasks: Sequence[Task]) -> Iterator[Job]:
    """All models of a sample together: they share masks and, where they can, tower forwards."""
    for found in grouped(tasks, lambda task: task.sample):
        keys = keys_by_model(found)
        yield Job(tuple(keys.values()), Request(found[0].payload, keys))


def _with_label_map(context: RunContext, job: Job) -> Job:
    settings = _segmentation_hash(context.recipe)
    stored = Reader(context.engine).pictures.label_map(job.payload.sample.path, settings)
    return replace(job, payload=replace(job.payload, label_map=None if stored is None else stored.content))


def _segmentation_hash(recipe: Recipe) -> str:
    return segmentation_hash(recipe.explain, recipe.towers.image_size)


def segmentation_hash(settings: ExplainSettings, image_size: int) -> str:
    """The hash of what superpixels depend on."""
    return settings_hash(settings.segments, settings.compactness, settings.sigma, image_size)


def _explain(state: WorkerState, request: Request) -> ByKey:
    started = time.perf_counter()
    recipe, sample = state.recipe, request.sample
    picture = sample_picture(sample, recipe.towers.image_size)
    stored = request.label_map
    label_map = segment(picture, recipe.explain) if stored is None else decode_label_map(stored)
    explained = explain_sample(
        {name: state.models[name] for name in request.keys},
        path=sample.path,
        label=sample.label,
        picture=picture,
        label_map=label_map,
        entries=list(sample.entries),
        readable=cut_entries(list(sample.entries), recipe.towers.text.max_words),
        settings=recipe.explain,
        run_seed=recipe.seed,
        batch_size=recipe.runtime.batch_size,
        device=state.device,
    )
    height, width = label_map.shape
    segmentation = SegmentationRecord(
        sample=sample.path,
        settings_hash=_segmentation_hash(recipe),
        segments=int(label_map.max()) + 1,
        width=width,
        height=height,
        label_map=stored or encode_label_map(label_map),
    )
    count = len(request.keys)
    seconds, tower_seconds = (time.perf_counter() - started) / count, explained.tower_seconds / count
    return ByKey(
        {
            request.keys[name]: Answer(segmentation, records, seconds, tower_seconds)
            for name, records in explained.explanations.items()
        }
    )


def _rows(_: Task, answers: Sequence[Answer]) -> list[Record]:
    (answer,) = answers
    return [answer.segmentation, *answer.explanations]


class Throughput:
    """How fast explanations are made, and the share of the workers' time that is spent inside the towers."""

    def __init__(self) -> None:
        self._explanations = 0
        self._started = time.perf_counter()
        self._seconds = 0.0
        self._tower_seconds = 0.0

    def add(self, answer: ByKey) -> None:
        for one in answer.values():
            self._explanations += len(one.explanations)
            self._seconds += one.seconds
            self._tower_seconds += one.tower_seconds

    def __str__(self) -> str:
        rate = self._explanations / (time.perf_counter() - self._started)
        share = self._tower_seconds / self._seconds if self._seconds else 0.0
        return f"{self._explanations} explanations, {rate:.2f} a second, {share:.0%} of the time inside towers"
