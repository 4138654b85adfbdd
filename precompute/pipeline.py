"""The order of the stages, and the run that they belong to; a stage that is done is not done again."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from db.address import sqlite_path
from db.errors import UserError
from db.session import create, finish
from db.tables import Problem, Run, WorkUnit
from db.writer import Writer
from precompute.progress import progress_bar, say
from precompute.recipe import Recipe, Stage, settings_hash

if TYPE_CHECKING:
    from precompute.global_explanations.stage import ImageClassifier

VERSIONED = ("torch", "transformers", "lime", "scikit-image", "scikit-learn", "hdbscan", "openvino", "numpy")


@dataclass(frozen=True)
class Order:
    """What the command line asks for; none of it changes a number, only how much is computed and how fast.

    Attributes:
        samples_per_class: explain so many samples of each class, all where None.
        worst_classes: explain only so many classes, the least accurate first, all where None.
    """

    dataset: Path
    url: str
    recipe: Recipe
    artifacts: Path
    samples_per_class: int | None = None
    worst_classes: int | None = None
    workers: int | None = None
    device: str = "auto"


@dataclass(frozen=True)
class Job:
    """An order at work: the open database and the run that results point to."""

    order: Order
    engine: Engine
    writer: Writer
    run_id: int

    @property
    def recipe(self) -> Recipe:
        return self.order.recipe


@dataclass(frozen=True)
class Outcome:
    """What a run left behind: samples skipped at ingest and units of work that failed."""

    problems: int
    failed: int

    @property
    def clean(self) -> bool:
        return not (self.problems or self.failed)


def default_artifacts(url: str) -> Path:
    """The folder of checkpoints: beside a SQLite file and named after it, else `artifacts` here."""
    path = sqlite_path(url)
    if path is not None:
        return path.with_suffix(".artifacts")
    return Path("artifacts")


def run_hash(recipe: Recipe, dataset: Path) -> str:
    """What makes two runs the same: the recipe and the data set's folder."""
    return settings_hash(recipe, str(dataset))


def is_finished(engine: Engine, recipe: Recipe, dataset: Path) -> bool:
    """Whether the run of these settings came to its end when it was last opened."""
    with Session(engine) as session:
        query = select(Run.finished_at).where(Run.settings_hash == run_hash(recipe, dataset))
        return session.scalar(query) is not None


def run(order: Order, stages: Sequence[Stage] | None = None) -> Outcome:
    """Run the recipe's stages, or some of them, and continue where an earlier run stopped.

    Raises:
        UserError: the data set, the recipe or the database do not allow it.
    """
    if not order.dataset.is_dir():
        raise UserError(f"data set {order.dataset}: no such folder; --dataset takes one with <split>/<class>/<picture>")
    order = replace(order, dataset=order.dataset.resolve(), artifacts=order.artifacts.resolve())
    engine = create(order.url)
    try:
        complete = stages is None or is_finished(engine, order.recipe, order.dataset)
        writer = Writer(engine)
        settings = {
            "recipe": order.recipe.model_dump(mode="json", by_alias=True),
            "samples_per_class": order.samples_per_class,
            "worst_classes": order.worst_classes,
        }
        run_id = writer.start_run(
            settings=settings,
            settings_hash=run_hash(order.recipe, order.dataset),
            seed=order.recipe.seed,
            versions=_versions(),
            dataset=str(order.dataset),
            artifacts=str(order.artifacts),
        )
        job = Job(order, engine, writer, run_id)
        for stage in stages or order.recipe.stages:
            _stage(stage)(job)
        if complete:  # a stage of a finished run that ran again leaves it finished
            writer.finish_run(run_id)
        return _outcome(engine, run_id)
    finally:
        finish(engine)


def _versions() -> dict[str, str]:
    found = {name: importlib.metadata.version(name) for name in VERSIONED}
    return {"python": platform.python_version(), **found}


def _outcome(engine: Engine, run_id: int) -> Outcome:
    with Session(engine) as session:
        problems = session.scalar(select(func.count()).select_from(Problem).where(Problem.run_id == run_id))
        failed = session.scalar(select(func.count()).select_from(WorkUnit).where(WorkUnit.status == "failed"))
    return Outcome(problems or 0, failed or 0)


def _stage(name: Stage) -> Callable[[Job], None]:
    """The stage's function; imported when wanted, so that a stage costs only the libraries that it needs."""
    return {
        "ingest": _ingest,
        "ocr": _ocr,
        "train": _train,
        "explain-local": _explain_local,
        "explain-global": _explain_global,
        "activation": _activation,
    }[name]


def _ingest(job: Job) -> None:
    from precompute.dataset.ingest import ingest

    with progress_bar("ingest", "sample") as show:
        report = ingest(job.engine, job.recipe, job.order.dataset, job.run_id, processes(job.order), show)
    say(f"ingest: {report}")


def _ocr(job: Job) -> None:
    from precompute.ocr.stage import read_texts

    with progress_bar("ocr", "sample") as show:
        read_texts(job.engine, job.order.dataset, job.run_id, processes(job.order), show)


def _train(job: Job) -> None:
    from precompute.models.stage import predict, train

    train(job)
    predict(job)


def _explain_local(job: Job) -> None:
    from precompute.local_explanations.stage import explain_local

    explain_local(job)


def _explain_global(job: Job) -> None:
    from precompute.global_explanations.stage import explain_global

    with progress_bar("explain-global", "class and model") as show:
        explain_global(job.engine, job.writer, job.recipe, job.order.dataset, image_classifier(job), show)


def _activation(job: Job) -> None:
    from precompute.activation_maps.stage import make_activation_maps

    make_activation_maps(job)


def image_classifier(job: Job) -> Callable[[], ImageClassifier] | None:
    """How to load the trained image model, whose features tell parts of pictures apart; None where there is none."""
    from precompute.models.stage import workplace

    name = next((model.name for model in job.recipe.models if model.kind == "image"), None)
    if name is None:
        return None
    # The number of threads may change the last digits of an embedding, so it must not follow --workers.
    return lambda: cast("ImageClassifier", workplace(job, [name]).models(threads=_cores())[name])


def processes(order: Order) -> int:
    """How many processes may work at a time: as asked, else one a core."""
    return order.workers or _cores()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
