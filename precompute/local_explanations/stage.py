"""The stage that explains predictions: which samples, which models, one work unit a model and sample."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from db.errors import UserError
from db.tables import Category, Explanation, Model, Segmentation, WorkUnit
from db.writer import UnitResult
from precompute.dataset.samples import LabelledSample, load_picture
from precompute.local_explanations.explain import explain_sample
from precompute.local_explanations.segments import decode_label_map, encode_label_map, segment
from precompute.local_explanations.selection import chosen_samples
from precompute.models.stage import workplace
from precompute.models.text import cut_entries
from precompute.pipeline import Job, processes
from precompute.progress import progress_bar, say
from precompute.recipe import ExplainSettings, Recipe, settings_hash
from precompute.workers import Bench, Workers

STAGE = "explain-local"


@dataclass(frozen=True)
class SampleJob:
    """One sample for the models that have not explained it yet; `label_map` as PNG where it is stored."""

    sample: LabelledSample
    models: tuple[str, ...]
    label_map: bytes | None


@dataclass(frozen=True)
class SampleAnswer:
    """A sample's label map as PNG and for each model its explanations with the labels of their classes."""

    label_map: bytes
    segments: int
    size: tuple[int, int]
    explanations: dict[str, list[tuple[str, Explanation]]]
    seconds: float
    tower_seconds: float


def explain_local(job: Job) -> None:
    """Explain the chosen samples with every explained model (P1 §3.1), newest settings only.

    Raises:
        UserError: nothing is trained yet, or no sample was chosen.
    """
    with Session(job.engine) as session:
        models = session.scalars(select(Model).where(Model.explained).order_by(Model.position)).all()
    if not models:
        raise UserError("explain-local: no trained model that the recipe explains; run the stage 'train' first")
    samples = chosen_samples(job.engine, job.order)
    hashes = {model.name: _settings_hash(job.recipe, model) for model in models}
    done = {name: job.writer.done(STAGE, value) for name, value in hashes.items()}
    pending = {
        sample: names
        for sample in samples
        if (names := tuple(name for name in hashes if f"{name}|{sample.path}" not in done[name]))
    }
    total = len(samples) * len(hashes)
    left = sum(len(names) for names in pending.values())
    say(f"explain-local: {total - left} of {total} explained predictions are stored, {left} to do")
    failed: set[tuple[str, str]] = set()
    if pending:
        failed = _explain_pending(job, models, hashes, pending, left)
    current = {(value, key) for value in hashes.values() for key in job.writer.done(STAGE, value)}
    job.writer.prune(STAGE, current | failed)


def _explain_pending(
    job: Job,
    models: Sequence[Model],
    hashes: dict[str, str],
    pending: dict[LabelledSample, tuple[str, ...]],
    left: int,
) -> set[tuple[str, str]]:
    """Explain and store; returns the (settings hash, key) of the units that failed."""
    failed = set()
    kept = _stored_label_maps(job)
    ids = _Ids(job.engine)
    place = workplace(job, [model.name for model in models])
    finished, pace = 0, _Pace()
    with progress_bar(STAGE, "prediction") as show, Workers(place, min(processes(job.order), len(pending))) as workers:
        show(0, left)
        for done_job in workers.answers(_explain, _jobs(job.engine, pending, kept)):
            task, answer = done_job.job, done_job.answer
            if answer is None:
                for name in task.models:
                    key = f"{name}|{task.sample.path}"
                    failed.add((hashes[name], key))
                    job.writer.fail_unit(STAGE, hashes[name], key, done_job.error or "", sample_id=task.sample.id)
            else:
                segmentation = _store_segmentation(job, task.sample, answer)
                job.writer.finish_units(_units(task.sample, answer, segmentation, hashes, ids))
                pace.add(answer)
            finished += len(task.models)
            show(finished, left, str(pace))
    say(f"explain-local: {pace.explanations} explanations, {pace}")
    return failed


class _Pace:
    """How fast explanations are made, and the share of the workers' time that is spent inside the towers."""

    def __init__(self) -> None:
        self.explanations = 0
        self._started = time.perf_counter()
        self._seconds = 0.0
        self._tower_seconds = 0.0

    def add(self, answer: SampleAnswer) -> None:
        self.explanations += sum(len(rows) for rows in answer.explanations.values())
        self._seconds += answer.seconds
        self._tower_seconds += answer.tower_seconds

    def __str__(self) -> str:
        rate = self.explanations / (time.perf_counter() - self._started)
        share = self._tower_seconds / self._seconds if self._seconds else 0.0
        return f"{rate:.2f} explanations/s, {share:.0%} of the time inside towers"


def _settings_hash(recipe: Recipe, model: Model) -> str:
    settings = recipe.explain.model_dump(mode="json", exclude={"split"})
    return settings_hash(
        settings, recipe.seed, recipe.towers.image_size, recipe.runtime.precision, model.checkpoint_hash, model.classes
    )


def segmentation_hash(settings: ExplainSettings, image_size: int) -> str:
    """The hash of what superpixels depend on."""
    return settings_hash(settings.segments, settings.compactness, settings.sigma, image_size)


def _stored_label_maps(job: Job) -> set[int]:
    """Samples whose stored superpixels fit the settings."""
    wanted = segmentation_hash(job.recipe.explain, job.recipe.towers.image_size)
    with Session(job.engine) as session:
        return set(session.scalars(select(Segmentation.sample_id).where(Segmentation.settings_hash == wanted)))


def _jobs(engine: Engine, pending: dict[LabelledSample, tuple[str, ...]], kept: set[int]) -> Iterator[SampleJob]:
    with Session(engine) as session:
        for sample, names in pending.items():
            stored = (
                session.scalar(select(Segmentation.label_map).where(Segmentation.sample_id == sample.id))
                if sample.id in kept
                else None
            )
            yield SampleJob(sample, names, stored)


def _explain(bench: Bench, task: SampleJob) -> SampleAnswer:
    started = time.perf_counter()
    settings, sample = bench.recipe.explain, task.sample
    picture = load_picture(sample.picture, bench.recipe.towers.image_size)
    label_map = segment(picture, settings) if task.label_map is None else decode_label_map(task.label_map)
    explained = explain_sample(
        {name: bench.models[name] for name in task.models},
        path=sample.path,
        label=sample.label,
        picture=picture,
        label_map=label_map,
        entries=list(sample.entries),
        readable=cut_entries(list(sample.entries), bench.recipe.towers.text.max_words),
        settings=settings,
        run_seed=bench.recipe.seed,
        batch_size=bench.recipe.runtime.batch_size,
        device=bench.device,
    )
    content = task.label_map or encode_label_map(label_map)
    height, width = label_map.shape
    seconds = time.perf_counter() - started
    return SampleAnswer(
        label_map=content,
        segments=int(label_map.max()) + 1,
        size=(width, height),
        explanations=explained.explanations,
        seconds=seconds,
        tower_seconds=explained.tower_seconds,
    )


class _Ids:
    """Primary keys of models and classes by name."""

    def __init__(self, engine: Engine) -> None:
        with Session(engine) as session:
            self.models = dict(session.execute(select(Model.name, Model.id)).tuples().all())
            self.categories = dict(session.execute(select(Category.label, Category.id)).tuples().all())


def _store_segmentation(job: Job, sample: LabelledSample, answer: SampleAnswer) -> int:
    """The id of the sample's superpixels; those of other settings go with all explanations that stand on them."""
    wanted = segmentation_hash(job.recipe.explain, job.recipe.towers.image_size)
    with Session(job.engine) as session, session.begin():
        stored = session.scalar(select(Segmentation).where(Segmentation.sample_id == sample.id))
        if stored is not None and stored.settings_hash == wanted:
            return stored.id
        if stored is not None:
            session.execute(delete(WorkUnit).where(WorkUnit.stage == STAGE, WorkUnit.sample_id == sample.id))
            session.execute(delete(Segmentation).where(Segmentation.id == stored.id))
        width, height = answer.size
        row = Segmentation(
            sample_id=sample.id,
            settings_hash=wanted,
            segments=answer.segments,
            width=width,
            height=height,
            label_map=answer.label_map,
        )
        session.add(row)
        session.flush()
        return row.id


def _units(
    sample: LabelledSample, answer: SampleAnswer, segmentation: int, hashes: dict[str, str], ids: _Ids
) -> Sequence[UnitResult]:
    units = []
    for name, explanations in answer.explanations.items():
        for label, row in explanations:
            row.model_id = ids.models[name]
            row.sample_id = sample.id
            row.segmentation_id = segmentation
            row.category_id = ids.categories[label]
        units.append(
            UnitResult(
                stage=STAGE,
                settings_hash=hashes[name],
                key=f"{name}|{sample.path}",
                rows=[row for _, row in explanations],
                model_id=ids.models[name],
                sample_id=sample.id,
                seconds=answer.seconds / len(answer.explanations),
            )
        )
    return units
