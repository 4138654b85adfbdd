"""The deletion test: accuracy with the features of a class's top global groups removed (P1 §5.2, Table 2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from db.read.reader import Reader
from db.records.explanations import Modality
from db.records.models import StoredModel
from db.records.written import EvaluationRecord, Record
from precompute.context import RunContext
from precompute.dataset.samples import LabelledSample, sample_picture, stored_samples
from precompute.engine import ByKey, Stage, Task, grouped, keys_by_model
from precompute.evaluation.deletion_plan import Removals, plan_class, require_train_groups
from precompute.evaluation.masked_rows import MaskedRows, models_sharing_rows
from precompute.evaluation.removal import draw_entries, draw_superpixels, nearby_superpixels
from precompute.evaluation.statistics import paired_interval
from precompute.executors import FixedState, Job
from precompute.global_explanations.stage import grouping_setup, segmented_samples, superpixel_embeddings
from precompute.local_explanations.masking import MaskedPicture
from precompute.local_explanations.superpixels import LabelMap, decode_label_map, with_label_map
from precompute.models.text import cut_entries
from precompute.models.worker import WorkerState, setup_of_tasks
from precompute.provenance import INPUTS
from precompute.recipe import Recipe, derive_seed, settings_hash

EVALUATE_DELETION = "evaluate-deletion"
SUMMARY = "evaluate-deletion-summary"
DRAWS = 20
MODALITIES: tuple[Modality, ...] = ("image", "text")


@dataclass(frozen=True)
class Request:
    """One test sample, what is removed for each model, the tasks' keys, and its superpixels as PNG, if any."""

    sample: LabelledSample
    removals: dict[str, Removals]
    keys: dict[str, str]
    label_map: bytes | None = None


Figures = dict[str, Any]


def deletion_stage(recipe: Recipe) -> Stage:
    """The test for every explained model and both modalities, with the settings of a recipe.

    A work unit is one model and sample and stores an Evaluation of kind 'deletion-sample' a modality.
    """
    return Stage(
        name=EVALUATE_DELETION,
        settings=_settings(recipe),
        inputs=INPUTS[EVALUATE_DELETION],
        tasks=_tasks,
        work=_delete,
        rows=_rows,
        jobs=_jobs,
        load=with_label_map,
        setup=setup_of_tasks,
        counted="prediction",
    )


def _tasks(context: RunContext) -> Iterator[Task]:
    """Raises:
    UserError: no groups, groups that hold test samples, or a picture that is gone.
    """
    reader = Reader(context.engine)
    require_train_groups(reader)
    models = {model.name: model for model in reader.models.stored(explained=True)}
    samples = {sample.path: sample for sample in stored_samples(context.engine, context.dataset, "test")}
    for path, by_model in sorted(_plan(context, list(models.values()), list(samples.values())).items()):
        for name, removals in by_model.items():
            yield Task(
                key=f"{name}|{path}",
                mark=_mark(context.recipe, models[name], samples[path], removals),
                payload=(samples[path], removals),
                model=name,
                sample=path,
            )


def _plan(
    context: RunContext, models: Sequence[StoredModel], samples: Sequence[LabelledSample]
) -> dict[str, dict[str, Removals]]:
    """What to remove, by the sample's path and the model's name."""
    by_label: dict[str, list[LabelledSample]] = defaultdict(list)
    for sample in samples:
        by_label[sample.label].append(sample)
    plan: dict[str, dict[str, Removals]] = defaultdict(dict)
    reader = Reader(context.engine)
    with grouping_setup(context).start() as state:
        for label in reader.classes.labels():
            embeddings = superpixel_embeddings(state, segmented_samples(context, label))
            for model in models:
                found = plan_class(reader, model.name, label, by_label[label], embeddings, context.recipe)
                for path, removals in found.items():
                    plan[path][model.name] = removals
    return plan


def _settings(recipe: Recipe) -> list[Any]:
    return [DRAWS, recipe.seed, recipe.explain.fill, recipe.towers.image_size, recipe.runtime.precision]


def _mark(recipe: Recipe, model: StoredModel, sample: LabelledSample, removals: Removals) -> str:
    return settings_hash(
        *_settings(recipe),
        model.checkpoint_hash,
        [sample.picture_hash, sample.entries_hash],
        {modality: list(features) for modality, features in removals.items()},
    )


def _jobs(_: RunContext, tasks: Sequence[Task]) -> Iterator[Job]:
    """All models of a sample together: they share rows where they can."""
    for found in grouped(tasks, lambda task: task.sample):
        removals = {task.model: task.payload[1] for task in found if task.model is not None}
        keys = keys_by_model(found)
        yield Job(tuple(keys.values()), Request(found[0].payload[0], removals, keys))


def _rows(task: Task, answers: Sequence[dict[Modality, Figures]]) -> list[Record]:
    return [
        EvaluationRecord(
            kind="deletion-sample", model=task.model, sample=task.sample, modality=modality, figures=figures
        )
        for modality, figures in answers[0].items()
    ]


def _delete(state: WorkerState, task: Request) -> ByKey:
    """Figures by modality of each task."""
    recipe, sample = state.recipe, task.sample
    size = recipe.towers.image_size
    # Without stored superpixels there is nothing to remove from the picture: it is one superpixel.
    label_map: LabelMap = np.zeros((size, size), dtype=np.int32)
    if task.label_map is not None:
        label_map = decode_label_map(task.label_map)
    readable = cut_entries(list(sample.entries), recipe.towers.text.max_words)
    picture = MaskedPicture(sample_picture(sample, size), label_map, recipe.explain.fill, state.device)
    counts = {"image": int(label_map.max()) + 1, "text": len(readable)}
    found: dict[str, dict[Modality, Figures]] = defaultdict(dict)
    for models in models_sharing_rows({name: state.models[name] for name in task.removals}):
        rows = MaskedRows(counts["image"], counts["text"])
        slices = {}
        for name in models:
            for modality, removed in task.removals[name].items():
                seed = derive_seed("deletion", recipe.seed, name, sample.path, modality)
                masks = {other: np.ones((DRAWS + 2, counts[other]), dtype=bool) for other in MODALITIES}
                sets = [[], list(removed), *_random_sets(modality, removed, label_map, counts[modality], seed)]
                for mask, features in zip(masks[modality], sets, strict=True):
                    mask[features] = False
                slices[name, modality] = rows.add(masks["image"], masks["text"]), len(sets[2])
        answers = rows.evaluate(models, picture, readable, recipe.runtime.batch_size, state.device)
        for (name, modality), (added, others) in slices.items():
            true = state.models[name].classes.index(sample.label)
            right = answers[name][added].argmax(axis=1) == true
            removed = task.removals[name][modality]
            found[task.keys[name]][modality] = {
                "untouched": float(right[0]),
                "top_removed": float(right[1]),
                "random_removed": float(right[2:].mean()),
                "draws": DRAWS,
                "features": len(removed),
                "removed": list(removed),
                "others": others,
            }
    return ByKey(found)


def _random_sets(
    modality: Modality, removed: Sequence[int], label_map: LabelMap, count: int, seed: int
) -> list[list[int]]:
    generator = np.random.default_rng(seed)
    if modality == "text":
        return [draw_entries(count, removed, generator) for _ in range(DRAWS)]
    candidates = nearby_superpixels(label_map, removed)
    return [draw_superpixels(candidates, generator) for _ in range(DRAWS)]


def summary(samples: Sequence[Figures], seed: int) -> Figures:
    """P1's Table 2 for one model and modality, from figures of single samples.

    Samples with fewer other features than were removed are left out and counted: removing fewer is no fair comparison.

    Args:
        samples: figures of 'deletion-sample', in a fixed order; at least one has enough other features.
        seed: of the bootstrap.
    """
    fair = [one for one in samples if one["others"] >= one["features"]]
    kinds = {
        kind: float(np.mean([one[kind] for one in fair])) for kind in ("untouched", "top_removed", "random_removed")
    }
    differences = [one["random_removed"] - one["top_removed"] for one in fair]
    return {
        "samples": len(fair),
        **kinds,
        "draws": DRAWS,
        "difference": float(np.mean(differences)),
        "interval": list(paired_interval(differences, seed)),
        "features": float(np.mean([one["features"] for one in fair])),
        "left_out": len(samples) - len(fair),
    }


def deletion_summary_stage(recipe: Recipe) -> Stage:
    """P1's Table 2 from figures of single samples: a unit a model, one Evaluation of kind 'deletion' a modality."""
    return Stage(
        name=SUMMARY,
        settings=[recipe.seed],
        inputs=INPUTS[SUMMARY],
        tasks=_summary_tasks,
        work=_sum_up,
        rows=lambda task, answers: answers[0],
        setup=lambda context, tasks: FixedState(recipe.seed),
        counted="model",
        in_process=True,
    )


def _summary_tasks(context: RunContext) -> Iterator[Task]:
    reader = Reader(context.engine)
    figures: dict[str, dict[str, list[Figures]]] = defaultdict(lambda: defaultdict(list))
    for row in reader.evaluations.figures("deletion-sample"):
        assert row.model is not None
        assert row.modality is not None
        figures[row.model][row.modality].append(row.figures)
    for name in [model.name for model in reader.models.stored(explained=True)]:
        yield Task(key=name, depends_on=figures[name], payload=(name, figures[name]), model=name)


def _sum_up(seed: int, found: tuple[str, dict[str, list[Figures]]]) -> list[EvaluationRecord]:
    name, by_modality = found
    records = []
    for modality in MODALITIES:
        figures = by_modality.get(modality, [])
        if any(one["others"] >= one["features"] for one in figures):
            summed = summary(figures, derive_seed("deletion", seed, name, modality))
            records.append(EvaluationRecord(kind="deletion", model=name, modality=modality, figures=summed))
    return records
