"""The order of the stages, and the run that they belong to; a stage that is done is not done again."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from db import __version__, interruption
from db.address import sqlite_path
from db.errors import UserError
from db.read.reader import Reader
from db.session import Engine, create, finish
from db.write import lease
from db.write.writer import Writer
from precompute.context import RunContext, RunOptions
from precompute.engine import Report, run_stage
from precompute.progress import say
from precompute.provenance import INPUTS
from precompute.recipe import Recipe, StageName, settings_hash
from precompute.replacement import require_permission, require_same_data_set
from precompute.runtime_choices import SETTING, note_choices, stored_choices

VERSIONED = ("torch", "transformers", "lime", "scikit-image", "scikit-learn", "hdbscan", "openvino", "numpy")
PARTS: dict[str, tuple[str, ...]] = {
    "train": ("train", "predict"),
    "explain-global": ("explain-global", "rank-global"),
    "activation": ("activation", "activation-classes"),
}
"""The stages that a stage of the command line consists of, where it is more than itself."""


@dataclass(frozen=True)
class Result:
    """What a run left behind: samples skipped at ingest, units of work that failed, and the latest reason for it."""

    problems: int
    failed: int
    reason: str = field(default="", compare=False)

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
    return Reader(engine).runs.is_finished(run_hash(recipe, dataset))


@contextmanager
def writing(url: str, command: str, wait: bool) -> Iterator[tuple[Engine, Writer]]:
    """A database that this process alone writes to; a signal ends the block, and the file is left as one plain file.

    Raises:
        UserError: it cannot be opened, or another run is at work on it.
        Interrupted: a signal came.
    """
    with interruption.interruptible():
        engine = None
        try:
            with interruption.deferred():  # what is open must be known here, to be closed
                engine = create(url)
            with lease.hold(engine, command, wait, say) as held:
                yield engine, Writer(engine, INPUTS, held)
        finally:
            if engine is not None:
                with interruption.deferred():
                    finish(engine)


def run(options: RunOptions, stages: Sequence[StageName] | None = None) -> Result:
    """Run the recipe's stages, or some of them, and continue where an earlier run stopped.

    Raises:
        UserError: the data set, the recipe or the database do not allow it, or finished results would be removed.
        Interrupted: a signal came; what is finished is kept.
    """
    if not options.dataset.is_dir():
        raise UserError(
            f"data set {options.dataset}: no such folder; --dataset takes one with <split>/<class>/<picture>"
        )
    options = replace(options, dataset=options.dataset.resolve(), artifacts=options.artifacts.resolve())
    recipe, names = options.recipe, stages or options.recipe.stages
    with writing(options.url, f"python -m precompute {names[0] if stages else 'run'}", options.wait) as (
        engine,
        writer,
    ):
        require_same_data_set(engine, options, "ingest" in names)
        require_permission(engine, options, [part for name in names for part in PARTS.get(name, (name,))])
        complete = stages is None or is_finished(engine, recipe, options.dataset)
        settings = {
            "recipe": recipe.model_dump(mode="json", by_alias=True),
            "samples_per_class": options.samples_per_class,
            "worst_classes": options.worst_classes,
            SETTING: stored_choices(engine),
        }
        run_id = writer.start_run(
            settings=settings,
            settings_hash=run_hash(recipe, options.dataset),
            seed=recipe.seed,
            versions=_versions(),
            dataset=str(options.dataset),
            artifacts=str(options.artifacts),
        )
        context = RunContext(options, engine, writer, run_id)
        for name in names:
            STAGES[name](context)
            note_choices(context)
        if complete:  # a stage of a finished run that ran again leaves it finished
            writer.finish_run(run_id)
        return _result(engine, run_id)


def _versions() -> dict[str, str]:
    found = {name: importlib.metadata.version(name) for name in VERSIONED}
    return {"shelf-lens": __version__, "python": platform.python_version(), **found}


def _result(engine: Engine, run_id: int) -> Result:
    runs = Reader(engine).runs
    failures = runs.failures()
    reason = f"{failures[0].stage} {failures[0].key}: {failures[0].message}" if failures else ""
    return Result(runs.count_problems(run=run_id), len(failures), reason)


# Each imports its modules when it runs, so that a stage costs only the libraries that it needs.


def _ingest(context: RunContext) -> None:
    from precompute.dataset.ingest import ingest

    ingest(context)


def _ocr(context: RunContext) -> None:
    from precompute.ocr.stage import read_texts

    read_texts(context)


def _train(context: RunContext) -> None:
    from precompute.models.predict import predict_stage
    from precompute.models.train import train

    train(context)
    run_stage(context, predict_stage(context.recipe))


def _explain_local(context: RunContext) -> None:
    from precompute.local_explanations.stage import explain_local_stage

    _tell(run_stage(context, explain_local_stage(context.recipe)), "explain-local", "explained predictions")


def _explain_global(context: RunContext) -> None:
    from precompute.global_explanations.ranking import rank_global_stage
    from precompute.global_explanations.stage import explain_global_stage

    run_stage(context, explain_global_stage(context.recipe))
    run_stage(context, rank_global_stage(context.recipe))


def _activation(context: RunContext) -> None:
    from precompute.activation_maps.class_stage import activation_classes_stage
    from precompute.activation_maps.stage import activation_stage

    run_stage(context, activation_stage(context.recipe))
    run_stage(context, activation_classes_stage(context.recipe))


def _tell(report: Report, name: str, what: str) -> None:
    if report.failed:
        say(f"{name}: {report.kept + report.done} of {report.tasks} {what} are stored; {report.failed} failed")
    elif not report.done:
        say(f"{name}: all {report.kept} {what} are stored")


STAGES: dict[StageName, Callable[[RunContext], None]] = {
    "ingest": _ingest,
    "ocr": _ocr,
    "train": _train,
    "explain-local": _explain_local,
    "explain-global": _explain_global,
    "activation": _activation,
}
