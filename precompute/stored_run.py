"""A run as the database remembers it, for the commands that take nothing but a database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from db.address import shown
from db.errors import UserError
from db.read.reader import Reader
from db.records.runs import RunView
from db.session import Engine, open_read_only
from precompute.context import RunContext, RunOptions
from precompute.pipeline import writing
from precompute.recipe import Recipe


def latest_options(engine: Engine, url: str) -> RunOptions:
    """What was asked for by the run that was opened last.

    Raises:
        UserError: the database holds no run.
    """
    run = Reader(engine).runs.latest()
    if run is None:
        raise UserError(f"{shown(url)}: holds no run yet; python -m precompute run --dataset DIR --db ... makes one")
    return _options(run, url)


@contextmanager
def open_stored(
    url: str,
    stage: str,
    command: str = "",
    workers: int | None = None,
    *,
    replace_results: bool = False,
    retry_failed: bool = False,
    wait: bool = False,
) -> Iterator[RunContext]:
    """The run that a stage's newest results come from, open for an evaluation of them to be added to it.

    Raises:
        UserError: no such database, or the stage has stored nothing.
    """
    reading = open_read_only(url)
    run = Reader(reading).runs.of_stage(stage)
    reading.dispose()
    if run is None:
        raise UserError(f"{shown(url)}: nothing to evaluate; run the stage {stage} first")
    options = replace(
        _options(run, url), workers=workers, replace=replace_results, retry_failed=retry_failed, wait=wait
    )
    with writing(url, f"python -m precompute {command}", wait) as (engine, writer):
        writer.continue_run(run.id)
        yield RunContext(options, engine, writer, run.id)


def _options(run: RunView, url: str) -> RunOptions:
    try:
        recipe = Recipe.model_validate(run.settings["recipe"])
    except ValidationError as error:
        setting = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise UserError(f"{shown(url)}: its run has a setting {setting} of another version; run it again") from error
    return RunOptions(
        dataset=Path(run.dataset),
        url=url,
        recipe=recipe,
        artifacts=Path(run.artifacts),
        samples_per_class=run.settings["samples_per_class"],
        worst_classes=run.settings["worst_classes"],
    )
