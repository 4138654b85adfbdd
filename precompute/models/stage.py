"""The stage that trains the models and has them predict every sample."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from db.errors import UserError
from db.tables import Category, Model, Prediction, Sample, Vector
from db.writer import UnitResult
from precompute.dataset.samples import LabelledSample, load_picture, stored_samples
from precompute.models.checkpoints import StoredCheckpoint, file_hash
from precompute.models.loading import known_files
from precompute.models.metrics import accuracy, confusion, top_k_accuracy
from precompute.models.own_models import own_hash
from precompute.models.prediction import predict_all
from precompute.models.protocol import Model as LoadedModel
from precompute.models.text import cut_entries
from precompute.models.training import FORMAT, train_models
from precompute.pipeline import Job, Order, processes
from precompute.progress import progress_bar, say
from precompute.recipe import settings_hash
from precompute.workers import Bench, Workers, Workplace

TRAIN, PREDICT = "train", "predict"


def train(job: Job) -> None:
    """Train the recipe's models on the train split, or take them from their checkpoints; each is one work unit.

    A model whose checkpoint is gone, or is no longer what was written, is trained again.

    Raises:
        UserError: nothing to train on, or no CUDA device where one was asked for.
    """
    samples = stored_samples(job.engine, job.order.dataset, "train")
    classes = _classes(job.engine)
    if not classes:
        raise UserError("train: the database holds no samples; run the stage 'ingest' first")
    if not samples and any(model.kind != "own" for model in job.recipe.models):
        raise UserError("train: no sample in the split 'train'; the folder train/ of the data set is empty")
    recipe = job.recipe
    digest = settings_hash([[s.path, s.label, s.picture_hash, s.entries_hash] for s in samples])
    forest = {"embedding": [recipe.embedding]}
    current = {
        model.name: settings_hash(
            FORMAT,
            model,
            recipe.towers,
            recipe.training,
            recipe.seed,
            classes,
            digest,
            place,
            *forest.get(model.kind, []),
            *([own_hash(model)] if model.kind == "own" else []),
        )
        for place, model in enumerate(recipe.models)
    }
    keys = {(value, name) for name, value in current.items()}
    stored = _stored_checkpoints(job)
    done = {name: stored[name] for name, value in current.items() if name in job.writer.done(TRAIN, value)}
    if len(done) == len(current) and _whole(_trusted(job.order.artifacts, done)):
        job.writer.prune(TRAIN, keys)
        return
    device, trusted = chosen_device(job.order.device), _trusted(job.order.artifacts, stored)
    with progress_bar(TRAIN, "step") as show:
        trained = train_models(recipe, samples, classes, job.order.artifacts, digest, device, show, trusted)
        for place, (settings, model) in enumerate(zip(recipe.models, trained, strict=True)):
            if done.get(settings.name) == (model.checkpoint, model.checkpoint_hash):
                continue
            row = Model(
                run_id=job.run_id,
                name=settings.name,
                kind=settings.kind,
                position=place,
                explained=settings.explained,
                settings=settings.model_dump(mode="json"),
                settings_hash=current[settings.name],
                checkpoint=model.checkpoint,
                checkpoint_hash=model.checkpoint_hash,
                classes=classes,
                history=list(model.history),
            )
            job.writer.finish_unit(TRAIN, current[settings.name], settings.name, [row])
    job.writer.prune(TRAIN, keys)


def _stored_checkpoints(job: Job) -> dict[str, tuple[str | None, str]]:
    """The checkpoint, relative to the artifacts folder, and its hash of each stored model."""
    query = select(Model.name, Model.checkpoint, Model.checkpoint_hash)
    with Session(job.engine) as session:
        return {name: (checkpoint, value) for name, checkpoint, value in session.execute(query)}


def _trusted(artifacts: Path, stored: Mapping[str, tuple[str | None, str]]) -> dict[Path, str]:
    """SHA-256 of each checkpoint that stored models need; a model of one's own has none."""
    files = (StoredCheckpoint(path, value) for path, value in stored.values() if path is not None)
    return known_files(artifacts, files)


def _whole(trusted: Mapping[Path, str]) -> bool:
    """Whether every checkpoint is there and still what was written."""
    return all(path.is_file() and file_hash(path) == value for path, value in trusted.items())


def _classes(engine: Engine) -> list[str]:
    with Session(engine) as session:
        return list(session.scalars(select(Category.label).order_by(Category.label)))


@dataclass(frozen=True)
class PredictJob:
    """The samples of one class and split, and the models that have not predicted them yet."""

    key: str
    samples: tuple[LabelledSample, ...]
    hashes: dict[str, str]


@dataclass(frozen=True)
class PredictAnswer:
    """Probabilities float32 [samples, classes] of each model."""

    probabilities: dict[str, Vector]
    seconds: float


def predict(job: Job) -> None:
    """Have every model predict every sample, a work unit a model, class and split; then measure the models."""
    with Session(job.engine) as session:
        models = list(session.scalars(select(Model).order_by(Model.position)))
        categories = dict(session.execute(select(Category.label, Category.id)).tuples().all())
    jobs, current = _pending(job, models)
    if jobs:
        _predict_pending(job, models, categories, jobs)
    job.writer.prune(PREDICT, current)
    _measure(job.engine)


def _pending(job: Job, models: Sequence[Model]) -> tuple[list[PredictJob], set[tuple[str, str]]]:
    groups: dict[str, list[LabelledSample]] = defaultdict(list)
    for sample in stored_samples(job.engine, job.order.dataset):
        groups[f"{sample.split}/{sample.label}"].append(sample)
    jobs, current = [], set()
    for group, samples in groups.items():
        contents = [[s.path, s.picture_hash, s.entries_hash] for s in samples]
        pending = {}
        for model in models:
            value = settings_hash(
                model.checkpoint_hash, job.recipe.towers.image_size, job.recipe.runtime.precision, contents
            )
            current.add((value, f"{model.name}|{group}"))
            if f"{model.name}|{group}" not in job.writer.done(PREDICT, value):
                pending[model.name] = value
        if pending:
            jobs.append(PredictJob(group, tuple(samples), pending))
    return jobs, current


def _predict_pending(job: Job, models: Sequence[Model], categories: dict[str, int], jobs: Sequence[PredictJob]) -> None:
    by_name = {model.name: model for model in models}
    place = workplace(job, list(by_name))
    total, finished = sum(len(task.samples) for task in jobs), 0
    with progress_bar(PREDICT, "sample") as show, Workers(place, min(processes(job.order), len(jobs))) as workers:
        show(0, total)
        for done in workers.answers(_predict, jobs):
            task, answer = done.job, done.answer
            for name, value in task.hashes.items():
                key, model = f"{name}|{task.key}", by_name[name]
                if answer is None:
                    job.writer.fail_unit(PREDICT, value, key, done.error or "", model_id=model.id)
                    continue
                rows = [
                    Prediction(
                        model_id=model.id,
                        sample_id=sample.id,
                        category_id=categories[model.classes[int(row.argmax())]],
                        probability=float(row.max()),
                        probabilities=row,
                    )
                    for sample, row in zip(task.samples, answer.probabilities[name], strict=True)
                ]
                seconds = answer.seconds / len(task.hashes)
                job.writer.finish_units([UnitResult(PREDICT, value, key, rows, model_id=model.id, seconds=seconds)])
            finished += len(task.samples)
            show(finished, total)


def _predict(bench: Bench, task: PredictJob) -> PredictAnswer:
    started = time.perf_counter()
    models = {name: bench.models[name] for name in task.hashes}
    size, batch = bench.recipe.towers.image_size, bench.recipe.runtime.batch_size
    found: dict[str, list[Vector]] = defaultdict(list)
    for start in range(0, len(task.samples), batch):
        part = task.samples[start : start + batch]
        pictures = np.stack([load_picture(sample.picture, size) for sample in part])
        images = torch.from_numpy(pictures).to(bench.device).permute(0, 3, 1, 2).float() / 255
        entries = [cut_entries(list(sample.entries), bench.recipe.towers.text.max_words) for sample in part]
        for name, answer in predict_all(models, images, entries).items():
            found[name].append(answer.float().cpu().numpy())
    probabilities = {name: np.concatenate(parts) for name, parts in found.items()}
    return PredictAnswer(probabilities, time.perf_counter() - started)


def _measure(engine: Engine) -> None:
    """Accuracy, top-3 accuracy and confusion of every model on the test split."""
    query = (
        select(Category.label, Prediction.probabilities)
        .join(Sample, Sample.id == Prediction.sample_id)
        .join(Category, Category.id == Sample.category_id)
        .where(Sample.split == "test")
        .order_by(Sample.path)
    )
    with Session(engine) as session, session.begin():
        for model in session.scalars(select(Model)):
            found = session.execute(query.where(Prediction.model_id == model.id)).all()
            if not found:
                continue
            true = np.array([model.classes.index(label) for label, _ in found])
            probabilities = np.stack([row for _, row in found])
            predicted = probabilities.argmax(axis=1)
            model.accuracy = accuracy(true, predicted)
            model.top3_accuracy = top_k_accuracy(true, probabilities, 3)
            model.confusion = confusion(
                [model.classes[index] for index in true], [model.classes[index] for index in predicted]
            )
    with Session(engine) as session:
        for model in session.scalars(select(Model).order_by(Model.position)):
            if model.accuracy is not None:
                say(f"{model.name}: accuracy {model.accuracy:.3f}, among the first three {model.top3_accuracy:.3f}")


def chosen_device(device: str) -> str:
    """`auto` = a CUDA device where there is one.

    Raises:
        UserError: CUDA was asked for and is absent.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: this machine has no CUDA device; use --device cpu or auto")
    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device


def workplace(job: Job, names: Sequence[str]) -> Workplace:
    """What a worker needs to load the stored models of those names."""
    return _workplace(job.engine, job.order, names)


def load_stored(engine: Engine, order: Order, names: Sequence[str], threads: int) -> dict[str, LoadedModel]:
    """Load stored models in this process."""
    return _workplace(engine, order, names).models(threads)


def _workplace(engine: Engine, order: Order, names: Sequence[str]) -> Workplace:
    with Session(engine) as session:
        query = select(Model.name, Model.checkpoint, Model.checkpoint_hash, Model.classes)
        found = session.execute(query.where(Model.name.in_(names))).all()
    return Workplace(
        recipe=order.recipe,
        artifacts=order.artifacts,
        checkpoints={
            name: None if checkpoint is None else StoredCheckpoint(checkpoint, value)
            for name, checkpoint, value, _ in found
        },
        classes=tuple(found[0].classes) if found else (),
        device=chosen_device(order.device),
    )
