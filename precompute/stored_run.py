"""A run as the database remembers it, for the commands that take nothing but a database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from db.address import shown
from db.errors import UserError
from db.session import create, finish, open_read_only
from db.tables import Run, WorkUnit
from db.writer import Writer
from precompute.pipeline import Job, Order
from precompute.recipe import Recipe


def latest_order(engine: Engine, url: str) -> Order:
    """What was asked for by the run that was opened last.

    Raises:
        UserError: the database holds no run.
    """
    with Session(engine) as session:
        run = session.scalar(select(Run).order_by(Run.started_at.desc(), Run.id.desc()).limit(1))
    if run is None:
        raise UserError(f"{shown(url)}: holds no run yet; python -m precompute run --dataset DIR --db ... makes one")
    return _order(run, url)


@contextmanager
def job_behind(url: str, stage: str, workers: int | None = None) -> Iterator[Job]:
    """The run that a stage's newest results come from, open for an evaluation of them to be added to it.

    Raises:
        UserError: no such database, or the stage has stored nothing.
    """
    reading = open_read_only(url)
    query = select(Run).join(WorkUnit, WorkUnit.run_id == Run.id).where(WorkUnit.stage == stage)
    with Session(reading) as session:
        run = session.scalar(query.order_by(WorkUnit.finished_at.desc(), WorkUnit.id.desc()).limit(1))
    reading.dispose()
    if run is None:
        raise UserError(f"{shown(url)}: nothing to evaluate; run the stage {stage} first")
    engine = create(url)
    try:
        writer = Writer(engine)
        writer.continue_run(run.id)
        yield Job(replace(_order(run, url), workers=workers), engine, writer, run.id)
    finally:
        finish(engine)


def _order(run: Run, url: str) -> Order:
    try:
        recipe = Recipe.model_validate(run.settings["recipe"])
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise UserError(f"{shown(url)}: its run has a setting {place} of another version; run it again") from error
    return Order(
        dataset=Path(run.dataset),
        url=url,
        recipe=recipe,
        artifacts=Path(run.artifacts),
        samples_per_class=run.settings["samples_per_class"],
        worst_classes=run.settings["worst_classes"],
    )
