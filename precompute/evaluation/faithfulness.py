"""Faithfulness of local explanations: deletion and insertion AUC beside those of random rankings (RISE)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from db.definitions.stability import stability
from db.errors import UserError
from db.read.reader import Reader
from db.records.explanations import ExplainedPrediction
from db.records.models import StoredModel
from db.records.written import EvaluationRecord, Record
from precompute.context import RunContext
from precompute.dataset.samples import LabelledSample, sample_picture, stored_samples
from precompute.dataset.subsets import choose_samples
from precompute.engine import ByKey, Stage, Task, grouped, keys_by_model
from precompute.evaluation.curves import Ranking, area_under_curve, deletion_masks, removal_counts
from precompute.evaluation.masked_rows import MaskedRows, models_sharing_rows
from precompute.executors import Job
from precompute.local_explanations.masking import MaskedPicture
from precompute.local_explanations.superpixels import decode_label_map, with_label_map
from precompute.models.text import cut_entries
from precompute.models.worker import WorkerState, setup_of_tasks
from precompute.provenance import INPUTS
from precompute.recipe import Recipe, derive_seed, settings_hash

EVALUATE_FAITHFULNESS = "evaluate-faithfulness"
RANDOM_RANKINGS = 5


@dataclass(frozen=True)
class Request:
    """One sample with its explanations by model, the tasks' keys, and its superpixels as PNG."""

    sample: LabelledSample
    explained: dict[str, ExplainedPrediction]
    keys: dict[str, str]
    steps: int
    label_map: bytes = b""


def faithfulness_stage(recipe: Recipe, samples_per_class: int, steps: int) -> Stage:
    """Curves of explained test samples with every explained model: a unit a model and sample.

    Args:
        samples_per_class: a larger number keeps what a smaller one measured.
        steps: points of a curve after the first, fewer where there are fewer features.
    """
    return Stage(
        name=EVALUATE_FAITHFULNESS,
        settings=_settings(recipe, steps),
        inputs=INPUTS[EVALUATE_FAITHFULNESS],
        tasks=lambda context: _tasks(context, samples_per_class, steps),
        work=_measure,
        rows=_rows,
        jobs=lambda context, tasks: _jobs(tasks, steps),
        load=with_label_map,
        setup=setup_of_tasks,
        counted="prediction",
    )


def _tasks(context: RunContext, samples_per_class: int, steps: int) -> Iterator[Task]:
    """Raises:
    UserError: no test sample is explained.
    """
    reader = Reader(context.engine)
    models = {model.name: model for model in reader.models.stored(explained=True)}
    explained = {(one.model, one.sample): one for one in reader.explanations.on_test()}
    samples = [
        sample
        for sample in stored_samples(context.engine, context.dataset, "test")
        if any((name, sample.path) in explained for name in models)
    ]
    if not samples:
        raise UserError("evaluate faithfulness: no test sample is explained; set explain.split = 'all', explain again")
    chosen = {sample.path for sample in choose_samples(samples, samples_per_class, context.recipe.seed)}
    for sample in samples:
        for name, model in models.items():
            found = explained.get((name, sample.path))
            if found is not None:
                yield Task(
                    key=f"{name}|{sample.path}",
                    mark=_mark(context.recipe, model, sample, found, steps),
                    payload=(sample, found),
                    model=name,
                    sample=sample.path,
                    wanted=sample.path in chosen,
                )


def feature_ranking(explanation: ExplainedPrediction, read: int) -> Ranking:
    """All superpixels and the first `read` entries by falling weight; the other entries are never read."""
    return np.argsort(-np.concatenate([explanation.image_weights, explanation.text_weights[:read]]), kind="stable")


def _settings(recipe: Recipe, steps: int) -> list[Any]:
    towers, runtime = recipe.towers, recipe.runtime
    return [steps, RANDOM_RANKINGS, recipe.seed, recipe.explain.fill, towers.image_size, runtime.precision]


def _mark(
    recipe: Recipe, model: StoredModel, sample: LabelledSample, explained: ExplainedPrediction, steps: int
) -> str:
    return settings_hash(
        *_settings(recipe, steps),
        model.checkpoint_hash,
        [sample.picture_hash, sample.entries_hash, explained.stamp],
    )


def _jobs(tasks: Sequence[Task], steps: int) -> Iterator[Job]:
    """All models of a sample together: they share rows where they can."""
    for found in grouped(tasks, lambda task: task.sample):
        explained = {task.model: task.payload[1] for task in found if task.model is not None}
        keys = keys_by_model(found)
        yield Job(tuple(keys.values()), Request(found[0].payload[0], explained, keys, steps))


def _rows(task: Task, answers: Sequence[dict[str, Any]]) -> list[Record]:
    return [EvaluationRecord(kind="faithfulness", model=task.model, sample=task.sample, figures=answers[0])]


def _measure(state: WorkerState, task: Request) -> ByKey:
    """Figures of each task."""
    recipe, sample = state.recipe, task.sample
    label_map = decode_label_map(task.label_map)
    readable = cut_entries(list(sample.entries), recipe.towers.text.max_words)
    superpixels = int(label_map.max()) + 1
    features = superpixels + len(readable)
    counts = removal_counts(features, task.steps)
    chance = [
        np.random.default_rng(derive_seed("faithfulness", recipe.seed, sample.path, number)).permutation(features)
        for number in range(RANDOM_RANKINGS)
    ]
    pixels = sample_picture(sample, recipe.towers.image_size)
    picture = MaskedPicture(pixels, label_map, recipe.explain.fill, state.device)
    found: dict[str, dict[str, Any]] = {}
    for models in models_sharing_rows({name: state.models[name] for name in task.explained}):
        rows = MaskedRows(superpixels, len(readable))

        def add(masks: np.ndarray, rows: MaskedRows = rows) -> slice:
            return rows.add(masks[:, :superpixels], masks[:, superpixels:])

        random = [add(deletion_masks(ranking, counts)) for ranking in chance]
        own = {}
        for name in models:
            removed = deletion_masks(feature_ranking(task.explained[name], len(readable)), counts)
            own[name] = add(removed), add(~removed)
        answers = rows.evaluate(models, picture, readable, recipe.runtime.batch_size, state.device)
        for name, (deletion, insertion) in own.items():
            answer, explained = answers[name], task.explained[name]
            target = int(answer[deletion.start].argmax())
            by_chance = float(np.mean([area_under_curve(counts, answer[added, target]) for added in random]))
            found[name] = {
                "deletion_auc": area_under_curve(counts, answer[deletion, target]),
                "insertion_auc": area_under_curve(counts, answer[insertion, target]),
                # Insertion by a ranking shows the pictures that deletion by the reversed ranking shows.
                "random_deletion_auc": by_chance,
                "random_insertion_auc": by_chance,
                "r2": explained.r2,
                "stability": stability(
                    explained.image_weights, explained.text_weights, explained.image_errors, explained.text_errors
                ),
            }
    return ByKey({task.keys[name]: figures for name, figures in found.items()})
