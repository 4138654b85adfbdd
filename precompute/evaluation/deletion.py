"""The deletion test: accuracy without what a class's global groups say that it rests on (P1 §5.2, Table 2)."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.errors import UserError
from db.tables import Category, Evaluation, Model, Sample, Segmentation
from db.writer import UnitResult
from precompute.dataset.samples import LabelledSample, load_picture, stored_samples
from precompute.evaluation.deletion_plan import Removals, demand_train_groups, plan_class
from precompute.evaluation.masked_rows import MaskedRows, that_share_rows
from precompute.evaluation.removal import draw_entries, draw_superpixels, nearby_superpixels
from precompute.evaluation.statistics import paired_interval
from precompute.global_explanations.features import Modality
from precompute.global_explanations.stage import embedding, part_embeddings
from precompute.local_explanations.masking import MaskedPicture
from precompute.local_explanations.segments import LabelMap, decode_label_map
from precompute.models.stage import workplace
from precompute.models.text import cut_entries
from precompute.pipeline import Job, image_classifier, processes
from precompute.progress import Progress
from precompute.recipe import derive_seed, settings_hash
from precompute.workers import Bench, Workers

STAGE = "evaluate-deletion"
DRAWS = 20
MODALITIES: tuple[Modality, ...] = ("image", "text")


@dataclass(frozen=True)
class DeletionJob:
    """One test sample; for each model what is removed; superpixels as PNG where they are stored."""

    sample: LabelledSample
    removals: dict[str, Removals]
    label_map: bytes | None


Figures = dict[str, Any]


def evaluate_deletion(job: Job, progress: Progress) -> None:
    """Run the test for every explained model and both modalities; what is up to date is kept.

    A work unit is one model and sample and stores an Evaluation of kind 'deletion-sample' a modality; then one unit a
    model sums them up in one Evaluation of kind 'deletion' a modality.

    Raises:
        UserError: no groups, groups that hold test samples, or a picture that is gone.
    """
    with Session(job.engine) as session:
        demand_train_groups(session)
        models = {model.name: model for model in session.scalars(select(Model).where(Model.explained))}
    samples = {sample.path: sample for sample in stored_samples(job.engine, job.order.dataset, "test")}
    try:
        plan = _plan(job, list(models.values()), list(samples.values()))
    except OSError as error:
        raise UserError(
            f"{error}: read at ingest, unreadable now; has the data set moved? run the stage ingest"
        ) from error
    hashes = {
        (name, path): _unit_hash(job, models[name], samples[path], removals)
        for path, by_model in plan.items()
        for name, removals in by_model.items()
    }
    pending: dict[str, dict[str, Removals]] = defaultdict(dict)
    for (name, path), value in hashes.items():
        if f"{name}|{path}" not in job.writer.done(STAGE, value):
            pending[path][name] = plan[path][name]
    current = {(value, f"{name}|{path}") for (name, path), value in hashes.items()}
    if pending:
        _run(
            job, models, [DeletionJob(samples[path], pending[path], None) for path in sorted(pending)], hashes, progress
        )
    job.writer.prune(STAGE, current)
    _sum_up(job, models)


def _plan(job: Job, models: Sequence[Model], samples: Sequence[LabelledSample]) -> dict[str, dict[str, Removals]]:
    """What to remove, by the sample's path and the model's name."""
    load = image_classifier(job)
    embed = None if load is None else embedding(load, job.recipe.global_)
    by_label: dict[str, list[LabelledSample]] = defaultdict(list)
    for sample in samples:
        by_label[sample.label].append(sample)
    plan: dict[str, dict[str, Removals]] = defaultdict(dict)
    with Session(job.engine) as session:
        for category in session.scalars(select(Category).order_by(Category.label)).all():
            parts = None if embed is None else part_embeddings(job.engine, job.order.dataset, embed, job.recipe)
            for model in models:
                found = plan_class(session, model, category, by_label[category.label], parts, job.recipe)
                for path, removals in found.items():
                    plan[path][model.name] = removals
    return plan


def _unit_hash(job: Job, model: Model, sample: LabelledSample, removals: Removals) -> str:
    return settings_hash(
        DRAWS,
        job.recipe.seed,
        job.recipe.explain.fill,
        job.recipe.towers.image_size,
        job.recipe.runtime.precision,
        model.checkpoint_hash,
        [sample.picture_hash, sample.entries_hash],
        {modality: list(features) for modality, features in removals.items()},
    )


def _run(
    job: Job,
    models: Mapping[str, Model],
    tasks: Sequence[DeletionJob],
    hashes: Mapping[tuple[str, str], str],
    progress: Progress,
) -> None:
    place = workplace(job, list(models))
    with Workers(place, min(processes(job.order), len(tasks))) as workers:
        for finished, done in enumerate(workers.answers(_delete, _with_label_maps(job, tasks)), start=1):
            sample = done.job.sample
            for name in done.job.removals:
                value, key, model_id = hashes[name, sample.path], f"{name}|{sample.path}", models[name].id
                if done.answer is None:
                    job.writer.fail_unit(STAGE, value, key, done.error or "", model_id=model_id, sample_id=sample.id)
                    continue
                figures, seconds = done.answer
                rows = [
                    Evaluation(
                        kind="deletion-sample",
                        model_id=model_id,
                        sample_id=sample.id,
                        modality=modality,
                        figures=figures[name, modality],
                    )
                    for modality in done.job.removals[name]
                ]
                share = seconds / len(done.job.removals)
                job.writer.finish_units([UnitResult(STAGE, value, key, rows, model_id, sample.id, share)])
            progress(finished, len(tasks))


def _with_label_maps(job: Job, tasks: Sequence[DeletionJob]) -> Iterator[DeletionJob]:
    with Session(job.engine) as session:
        for task in tasks:
            stored = session.scalar(select(Segmentation.label_map).where(Segmentation.sample_id == task.sample.id))
            yield DeletionJob(task.sample, task.removals, stored)


def _delete(bench: Bench, task: DeletionJob) -> tuple[dict[tuple[str, Modality], Figures], float]:
    """Figures by model and modality, and the seconds that they took."""
    started = time.perf_counter()
    recipe, sample = bench.recipe, task.sample
    size = recipe.towers.image_size
    # Without stored superpixels there is nothing to remove from the picture: it is one superpixel.
    label_map: LabelMap = np.zeros((size, size), dtype=np.int32)
    if task.label_map is not None:
        label_map = decode_label_map(task.label_map)
    readable = cut_entries(list(sample.entries), recipe.towers.text.max_words)
    picture = MaskedPicture(load_picture(sample.picture, size), label_map, recipe.explain.fill, bench.device)
    counts = {"image": int(label_map.max()) + 1, "text": len(readable)}
    found: dict[tuple[str, Modality], Figures] = {}
    for models in that_share_rows({name: bench.models[name] for name in task.removals}):
        rows = MaskedRows(counts["image"], counts["text"])
        places = {}
        for name in models:
            for modality, removed in task.removals[name].items():
                seed = derive_seed("deletion", recipe.seed, name, sample.path, modality)
                masks = {other: np.ones((DRAWS + 2, counts[other]), dtype=bool) for other in MODALITIES}
                sets = [[], list(removed), *_random_sets(modality, removed, label_map, counts[modality], seed)]
                for mask, features in zip(masks[modality], sets, strict=True):
                    mask[features] = False
                places[name, modality] = rows.add(masks["image"], masks["text"]), len(sets[2])
        answers = rows.ask(models, picture, readable, recipe.runtime.batch_size, bench.device)
        for (name, modality), (place, others) in places.items():
            true = bench.models[name].classes.index(sample.label)
            right = answers[name][place].argmax(axis=1) == true
            removed = task.removals[name][modality]
            found[name, modality] = {
                "untouched": float(right[0]),
                "top_removed": float(right[1]),
                "random_removed": float(right[2:].mean()),
                "draws": DRAWS,
                "features": len(removed),
                "removed": list(removed),
                "others": others,
            }
    return found, time.perf_counter() - started


def _random_sets(
    modality: Modality, removed: Sequence[int], label_map: LabelMap, count: int, seed: int
) -> list[list[int]]:
    generator = np.random.default_rng(seed)
    if modality == "text":
        return [draw_entries(count, removed, generator) for _ in range(DRAWS)]
    stand_ins = nearby_superpixels(label_map, removed)
    return [draw_superpixels(stand_ins, generator) for _ in range(DRAWS)]


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


def _sum_up(job: Job, models: Mapping[str, Model]) -> None:
    for name, model in models.items():
        with Session(job.engine) as session:
            query = (
                select(Evaluation.modality, Evaluation.figures)
                .join(Sample, Sample.id == Evaluation.sample_id)
                .where(Evaluation.kind == "deletion-sample", Evaluation.model_id == model.id)
                .order_by(Sample.path)
            )
            found = session.execute(query).all()
        rows = []
        for modality in MODALITIES:
            figures = [row.figures for row in found if row.modality == modality]
            if any(one["others"] >= one["features"] for one in figures):
                summed = summary(figures, derive_seed("deletion", job.recipe.seed, name, modality))
                rows.append(Evaluation(kind="deletion", model_id=model.id, modality=modality, figures=summed))
        value = settings_hash([[row.modality, row.figures] for row in rows])
        job.writer.finish_unit(STAGE, value, name, rows, model_id=model.id)
