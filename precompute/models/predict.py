"""The stage in which every model predicts every sample, a unit a model, class and split; then models are measured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from db.read.reader import Reader
from db.records.written import PredictionRecord
from db.session import Engine
from db.values import Vector
from precompute.context import RunContext
from precompute.dataset.samples import LabelledSample, sample_picture, stored_samples
from precompute.engine import ByKey, Stage, Task, grouped, keys_by_model
from precompute.executors import Job
from precompute.models.metrics import accuracy, confusion, top_k_accuracy
from precompute.models.prediction import predict_all
from precompute.models.text import cut_entries
from precompute.models.worker import WorkerState, setup_of_tasks
from precompute.progress import say
from precompute.provenance import SETTINGS
from precompute.recipe import Recipe, settings_hash

PREDICT = "predict"


@dataclass(frozen=True)
class ClassSamples:
    """The samples of one class and split, for one model."""

    group: str
    samples: tuple[LabelledSample, ...]
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Request:
    """The samples of one class and split, and the keys of their tasks by the model's name."""

    samples: tuple[LabelledSample, ...]
    keys: dict[str, str]


def predict_stage(recipe: Recipe) -> Stage:
    """The stage, with the settings of a recipe."""
    return Stage(
        name=PREDICT,
        settings=SETTINGS[PREDICT](recipe),
        inputs=(),
        tasks=_tasks,
        work=_predict,
        rows=_rows,
        jobs=_jobs,
        setup=setup_of_tasks,
        counted="sample",
        after=_measure,
    )


def _tasks(context: RunContext) -> Iterator[Task]:
    groups: dict[str, list[LabelledSample]] = defaultdict(list)
    for sample in stored_samples(context.engine, context.dataset):
        groups[f"{sample.split}/{sample.label}"].append(sample)
    recipe = context.recipe
    models = Reader(context.engine).models.stored()
    for group, samples in groups.items():
        contents = [[s.path, s.picture_hash, s.entries_hash] for s in samples]
        for model in models:
            yield Task(
                key=f"{model.name}|{group}",
                mark=settings_hash(model.checkpoint_hash, recipe.towers.image_size, recipe.runtime.precision, contents),
                payload=ClassSamples(group, tuple(samples), model.classes),
                model=model.name,
                size=len(samples),
            )


def _jobs(_: RunContext, tasks: Sequence[Task]) -> Iterator[Job]:
    """All models of a class and split together: models that share towers share their forwards."""
    for found in grouped(tasks, lambda task: task.payload.group):
        keys = keys_by_model(found)
        yield Job(tuple(keys.values()), Request(found[0].payload.samples, keys))


def _predict(state: WorkerState, request: Request) -> ByKey:
    """Probabilities float32 [samples, classes] of each model, by task."""
    models = {name: state.models[name] for name in request.keys}
    size, batch = state.recipe.towers.image_size, state.recipe.runtime.batch_size
    found: dict[str, list[Vector]] = defaultdict(list)
    for start in range(0, len(request.samples), batch):
        part = request.samples[start : start + batch]
        pictures = np.stack([sample_picture(sample, size) for sample in part])
        images = torch.from_numpy(pictures).to(state.device).permute(0, 3, 1, 2).float() / 255
        entries = [cut_entries(list(sample.entries), state.recipe.towers.text.max_words) for sample in part]
        for name, answer in predict_all(models, images, entries).items():
            found[name].append(answer.float().cpu().numpy())
    return ByKey({request.keys[name]: np.concatenate(parts) for name, parts in found.items()})


def _rows(task: Task, answers: Sequence[Vector]) -> list[PredictionRecord]:
    assert task.model is not None
    return [
        PredictionRecord(
            model=task.model,
            sample=sample.path,
            predicted_class=task.payload.classes[int(row.argmax())],
            probability=float(row.max()),
            probabilities=row,
        )
        for sample, row in zip(task.payload.samples, answers[0], strict=True)
    ]


def _measure(context: RunContext) -> None:
    """Accuracy, top-3 accuracy and confusion of every model on the test split."""
    figures = measured(context.engine)
    context.writer.store_accuracy(figures)
    for name, found in figures.items():
        if found["accuracy"] is not None:
            whole = _unpredicted(context, name, sum(count for _, _, count in found["confusion"]))
            say(f"{name}: accuracy {found['accuracy']:.3f}, top-3 accuracy {found['top3_accuracy']:.3f}{whole}")
        elif without := _unpredicted(context, name, 0):
            say(f"{name}: no accuracy{without}")


def _unpredicted(context: RunContext, model: str, predicted: int) -> str:
    """What an accuracy leaves out: test samples whose unit failed; nothing where all are predicted."""
    wanted = len(stored_samples(context.engine, context.dataset, "test"))
    if predicted == wanted:
        return ""
    failed = sum(
        unit.stage == PREDICT and unit.key.startswith(f"{model}|") for unit in Reader(context.engine).runs.failures()
    )
    return f" ({predicted} of {wanted} test samples predicted; {failed} unit(s) failed)"


def measured(engine: Engine) -> dict[str, dict[str, Any]]:
    """The figures of each model, in the recipe's order; None in place of each where it has predicted no test sample."""
    reader = Reader(engine)
    figures: dict[str, dict[str, Any]] = {}
    for model in reader.models.stored():
        found = reader.predictions.on_test(model.name)
        if not found:
            figures[model.name] = dict.fromkeys(("accuracy", "top3_accuracy", "confusion"))
            continue
        true = np.array([model.classes.index(one.label) for one in found])
        probabilities = np.stack([one.probabilities for one in found])
        predicted = probabilities.argmax(axis=1)
        figures[model.name] = {
            "accuracy": accuracy(true, predicted),
            "top3_accuracy": top_k_accuracy(true, probabilities, 3),
            "confusion": confusion(
                [model.classes[index] for index in true], [model.classes[index] for index in predicted]
            ),
        }
    return figures
