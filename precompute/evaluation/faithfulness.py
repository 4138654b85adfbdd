"""How faithful each local explanation is: the model asked again as features go and come by its ranking."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.errors import UserError
from db.stability import stability
from db.tables import Evaluation, Explanation, Model, Sample, Segmentation, Vector, WorkUnit
from db.writer import UnitResult
from precompute.dataset.choice import choose_samples
from precompute.dataset.samples import LabelledSample, load_picture, stored_samples
from precompute.evaluation.curves import Ranking, curve_area, deletion_masks, steps_of
from precompute.evaluation.masked_rows import MaskedRows, that_share_rows
from precompute.local_explanations.masking import MaskedPicture
from precompute.local_explanations.segments import decode_label_map
from precompute.models.stage import workplace
from precompute.models.text import cut_entries
from precompute.pipeline import Job, processes
from precompute.progress import Progress
from precompute.recipe import derive_seed, settings_hash
from precompute.workers import Bench, Workers

STAGE = "evaluate-faithfulness"
RANDOM_RANKINGS = 5

Key = tuple[str, str]


@dataclass(frozen=True)
class StoredExplanation:
    """The explanation of the predicted class of one sample by one model; `stamp` changes when it is computed anew."""

    image_weights: Vector
    text_weights: Vector
    image_errors: Vector | None
    text_errors: Vector | None
    r2: float
    stamp: str

    def ranking(self, read: int) -> Ranking:
        """All superpixels and the first `read` entries by falling weight; the other entries are never read."""
        return np.argsort(-np.concatenate([self.image_weights, self.text_weights[:read]]), kind="stable")


@dataclass(frozen=True)
class FaithfulnessJob:
    """One sample with its explanations by model and its superpixels as PNG."""

    sample: LabelledSample
    explained: dict[str, StoredExplanation]
    label_map: bytes
    steps: int


def evaluate_faithfulness(job: Job, samples_per_class: int, steps: int, progress: Progress) -> None:
    """Measure explained test samples with every explained model; what is up to date is kept.

    A work unit is one model and sample and stores one Evaluation of kind 'faithfulness'.

    Args:
        samples_per_class: a larger number keeps what a smaller one measured.
        steps: points of a curve after the first, fewer where there are fewer features.

    Raises:
        UserError: no test sample is explained.
    """
    with Session(job.engine) as session:
        models = {model.name: model for model in session.scalars(select(Model).where(Model.explained))}
    explained = _explained(job)
    samples = [
        sample
        for sample in stored_samples(job.engine, job.order.dataset, "test")
        if any((name, sample.path) in explained for name in models)
    ]
    if not samples:
        raise UserError("evaluate faithfulness: no test sample is explained; set explain.split = 'all', explain again")
    hashes = {
        (name, sample.path): _unit_hash(job, models[name], sample, explained[name, sample.path], steps)
        for sample in samples
        for name in models
        if (name, sample.path) in explained
    }
    tasks = []
    for sample in choose_samples(samples, samples_per_class, job.recipe.seed):
        pending = {
            name: explained[name, sample.path]
            for name in models
            if (name, sample.path) in hashes
            and f"{name}|{sample.path}" not in job.writer.done(STAGE, hashes[name, sample.path])
        }
        if pending:
            tasks.append(FaithfulnessJob(sample, pending, b"", steps))
    if tasks:
        _run(job, models, tasks, hashes, progress)
    job.writer.prune(STAGE, {(value, f"{name}|{path}") for (name, path), value in hashes.items()})


def _explained(job: Job) -> dict[Key, StoredExplanation]:
    """Explanations of predicted classes on test samples, by model and path."""
    query = (
        select(Model.name, Sample.path, Explanation, WorkUnit.settings_hash, WorkUnit.finished_at)
        .join(Model, Model.id == Explanation.model_id)
        .join(Sample, Sample.id == Explanation.sample_id)
        .join(WorkUnit, WorkUnit.id == Explanation.unit_id)
        .where(Explanation.kind == "predicted", Sample.split == "test", Model.explained)
    )
    with Session(job.engine) as session:
        return {
            (name, path): StoredExplanation(
                row.image_weights,
                row.text_weights,
                row.image_errors,
                row.text_errors,
                row.r2,
                f"{unit_hash} {finished.isoformat()}",
            )
            for name, path, row, unit_hash, finished in session.execute(query)
        }


def _unit_hash(job: Job, model: Model, sample: LabelledSample, explained: StoredExplanation, steps: int) -> str:
    return settings_hash(
        steps,
        RANDOM_RANKINGS,
        job.recipe.seed,
        job.recipe.explain.fill,
        job.recipe.towers.image_size,
        job.recipe.runtime.precision,
        model.checkpoint_hash,
        [sample.picture_hash, sample.entries_hash, explained.stamp],
    )


def _run(
    job: Job,
    models: Mapping[str, Model],
    tasks: Sequence[FaithfulnessJob],
    hashes: Mapping[Key, str],
    progress: Progress,
) -> None:
    place = workplace(job, list(models))
    with Workers(place, min(processes(job.order), len(tasks))) as workers:
        progress(0, len(tasks))
        for finished, done in enumerate(workers.answers(_measure, _with_label_maps(job, tasks)), start=1):
            sample = done.job.sample
            units = []
            for name in done.job.explained:
                value, key, model_id = hashes[name, sample.path], f"{name}|{sample.path}", models[name].id
                if done.answer is None:
                    job.writer.fail_unit(STAGE, value, key, done.error or "", model_id=model_id, sample_id=sample.id)
                    continue
                figures, seconds = done.answer
                row = Evaluation(kind="faithfulness", model_id=model_id, sample_id=sample.id, figures=figures[name])
                share = seconds / len(done.job.explained)
                units.append(UnitResult(STAGE, value, key, [row], model_id, sample.id, share))
            job.writer.finish_units(units)
            progress(finished, len(tasks))


def _with_label_maps(job: Job, tasks: Sequence[FaithfulnessJob]) -> Iterator[FaithfulnessJob]:
    with Session(job.engine) as session:
        for task in tasks:
            query = select(Segmentation.label_map).where(Segmentation.sample_id == task.sample.id)
            yield replace(task, label_map=session.execute(query).scalar_one())


def _measure(bench: Bench, task: FaithfulnessJob) -> tuple[dict[str, dict[str, Any]], float]:
    """Figures by model, and the seconds that they took."""
    started = time.perf_counter()
    recipe, sample = bench.recipe, task.sample
    label_map = decode_label_map(task.label_map)
    readable = cut_entries(list(sample.entries), recipe.towers.text.max_words)
    superpixels = int(label_map.max()) + 1
    features = superpixels + len(readable)
    counts = steps_of(features, task.steps)
    chance = [
        np.random.default_rng(derive_seed("faithfulness", recipe.seed, sample.path, number)).permutation(features)
        for number in range(RANDOM_RANKINGS)
    ]
    pixels = load_picture(sample.picture, recipe.towers.image_size)
    picture = MaskedPicture(pixels, label_map, recipe.explain.fill, bench.device)
    found: dict[str, dict[str, Any]] = {}
    for models in that_share_rows({name: bench.models[name] for name in task.explained}):
        rows = MaskedRows(superpixels, len(readable))

        def add(masks: np.ndarray, rows: MaskedRows = rows) -> slice:
            return rows.add(masks[:, :superpixels], masks[:, superpixels:])

        random = [add(deletion_masks(ranking, counts)) for ranking in chance]
        own = {}
        for name in models:
            removed = deletion_masks(task.explained[name].ranking(len(readable)), counts)
            own[name] = add(removed), add(~removed)
        answers = rows.ask(models, picture, readable, recipe.runtime.batch_size, bench.device)
        for name, (deletion, insertion) in own.items():
            answer, explained = answers[name], task.explained[name]
            target = int(answer[deletion.start].argmax())
            by_chance = float(np.mean([curve_area(counts, answer[place, target]) for place in random]))
            found[name] = {
                "deletion_auc": curve_area(counts, answer[deletion, target]),
                "insertion_auc": curve_area(counts, answer[insertion, target]),
                # Insertion by a ranking shows the pictures that deletion by the reversed ranking shows.
                "random_deletion_auc": by_chance,
                "random_insertion_auc": by_chance,
                "r2": explained.r2,
                "stability": stability(
                    explained.image_weights, explained.text_weights, explained.image_errors, explained.text_errors
                ),
            }
    return found, time.perf_counter() - started
