"""The stage that ranks the features of embedding classifiers' forecasts and stores activation maps.

A work unit is one model and sample. What is known of whole classes comes after them: see class_figures.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import torch
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from db.errors import UserError
from db.tables import Model
from precompute.activation_maps import class_figures
from precompute.activation_maps.batch import MapRequest, staged
from precompute.activation_maps.class_figures import describe_classes
from precompute.activation_maps.stored_maps import answer_maps, category_ids, maps_unit
from precompute.dataset.choice import choose_samples
from precompute.dataset.samples import LabelledSample
from precompute.local_explanations.selection import chosen_samples
from precompute.models.dual_stream import TowersAndHead
from precompute.models.embedding_classifier import EmbeddingClassifier
from precompute.models.runtimes import CPU_ROWS
from precompute.models.stage import workplace
from precompute.pipeline import Job, processes
from precompute.progress import progress_bar, say
from precompute.recipe import Recipe, settings_hash
from precompute.workers import Bench, Workers

STAGE = "activation"


def make_activation_maps(job: Job) -> None:
    """Rank features and store maps for the explained samples, newest settings only (P2 §2, §3).

    Raises:
        UserError: nothing is trained that activation maps can be made of.
    """
    models = mapped_models(job.engine)
    if not models:
        raise UserError("activation: no explained model with an image tower; run the stage 'train' first")
    samples = chosen_samples(job.engine, job.order)
    samples = choose_samples(samples, job.recipe.activation.samples_per_class, job.recipe.seed)
    hashes = {model.name: maps_hash(job.recipe, model) for model in models}
    pending = _pending(job, samples, hashes)
    say(f"activation: {sum(len(names) for names in pending.values())} prediction(s) to do")
    with Workers(workplace(job, list(hashes)), processes(job.order)) as workers:
        unfit = _without_stages(job, workers, models, hashes) if pending else set()
        models = [model for model in models if model.name not in unfit]
        left = {sample: fit for sample, names in pending.items() if (fit := tuple(n for n in names if n not in unfit))}
        failed = _compute_pending(job, workers, models, hashes, left)
        kept = {(value, key) for value in hashes.values() for key in job.writer.done(STAGE, value)}
        job.writer.prune(STAGE, kept | failed | {(hashes[name], name) for name in unfit})
        of_classes: set[tuple[str, str]] = set()
        for model in models:
            if model.kind == "embedding":
                of_classes |= describe_classes(job, workers, model, hashes[model.name], samples)
        job.writer.prune(class_figures.STAGE, of_classes)


def mapped_models(engine: Engine) -> list[Model]:
    """The models that have maps: embedding classifiers, and the explained ones with an image tower and a head."""
    query = select(Model).where(Model.explained | (Model.kind == "embedding")).order_by(Model.position)
    with Session(engine) as session:
        return [model for model in session.scalars(query) if model.kind not in ("own", "text")]


def maps_hash(recipe: Recipe, model: Model) -> str:
    """The hash of what a model's maps depend on."""
    settings = recipe.activation.model_dump(mode="json", include={"tops", "variants"})
    return settings_hash(
        settings, recipe.seed, recipe.towers.image_size, recipe.runtime.precision, model.checkpoint_hash, model.classes
    )


def _pending(
    job: Job, samples: Sequence[LabelledSample], hashes: Mapping[str, str]
) -> dict[LabelledSample, tuple[str, ...]]:
    done = {name: job.writer.done(STAGE, value) for name, value in hashes.items()}
    return {
        sample: names
        for sample in samples
        if (names := tuple(name for name in hashes if f"{name}|{sample.path}" not in done[name]))
    }


def _without_stages(job: Job, workers: Workers, models: Sequence[Model], hashes: Mapping[str, str]) -> set[str]:
    """The models whose tower has no spatial stages, each noted as failed; the others go on."""
    unfit = set()
    for done in workers.answers(has_stages, [model.name for model in models]):
        if done.error is not None:
            unfit.add(done.job)
            model = next(model for model in models if model.name == done.job)
            say(f"activation: {done.job}: {done.error}")
            job.writer.fail_unit(STAGE, hashes[done.job], done.job, done.error, model_id=model.id)
    return unfit


def has_stages(bench: Bench, name: str) -> None:
    """Try one black picture.

    Raises:
        UserError: the model's tower has no spatial stages.
    """
    model, size = bench.models[name], bench.recipe.towers.image_size
    assert isinstance(model, EmbeddingClassifier | TowersAndHead)
    assert model.image_tower is not None
    staged(model.image_tower, torch.zeros(1, 3, size, size, device=bench.device), bench.recipe.towers.image.name)


def _compute_pending(
    job: Job,
    workers: Workers,
    models: Sequence[Model],
    hashes: Mapping[str, str],
    pending: Mapping[LabelledSample, tuple[str, ...]],
) -> set[tuple[str, str]]:
    """Compute and store; returns the (settings hash, key) of the units that failed."""
    failed = set()
    ids, categories = {model.name: model.id for model in models}, category_ids(job.engine)
    finished, started = 0, time.perf_counter()
    with progress_bar(STAGE, "picture") as show:
        show(0, len(pending))
        for done in workers.answers(answer_maps, list(_requests(job.recipe, pending))):
            request = done.job
            for name in request.models:
                if done.answer is None:
                    for sample in request.samples:
                        key = f"{name}|{sample.path}"
                        failed.add((hashes[name], key))
                        job.writer.fail_unit(STAGE, hashes[name], key, done.error or "", sample_id=sample.id)
                    continue
                found, seconds = done.answer
                share = seconds / len(request.samples) / len(request.models)
                job.writer.finish_units(
                    [
                        maps_unit(STAGE, hashes[name], ids[name], name, sample, one, categories, share)
                        for sample, one in zip(request.samples, found[name], strict=True)
                    ]
                )
            finished += len(request.samples)
            show(finished, len(pending))
    if pending:
        pace = (time.perf_counter() - started) / len(pending)
        say(f"activation: {len(pending)} pictures, {pace:.2f} s each with {processes(job.order)} process(es)")
    return failed


def _requests(recipe: Recipe, pending: Mapping[LabelledSample, tuple[str, ...]]) -> Iterator[MapRequest]:
    """Whole batches of samples that lack the same models."""
    alike: dict[tuple[str, ...], list[LabelledSample]] = defaultdict(list)
    for sample, names in pending.items():
        alike[names].append(sample)
    settings = recipe.activation
    for names, samples in alike.items():
        for start in range(0, len(samples), CPU_ROWS):
            part = tuple(samples[start : start + CPU_ROWS])
            yield MapRequest(part, names, settings.variants, settings.tops, forecasts=True, class_rankings={})
