"""A run as the database remembers it, for the commands that take nothing but a database."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from db.address import shown
from db.errors import UserError
from db.tables import Run
from precompute.pipeline import Order
from precompute.recipe import Recipe


def latest_order(engine: Engine, url: str) -> Order:
    """What was asked for by the run that was started last.

    Raises:
        UserError: the database holds no run.
    """
    with Session(engine) as session:
        run = session.scalar(select(Run).order_by(Run.finished_at.is_not(None), Run.id.desc()))
    if run is None:
        raise UserError(f"{shown(url)}: holds no run yet; python -m precompute run --dataset DIR --db ... makes one")
    return Order(
        dataset=Path(run.dataset),
        url=url,
        recipe=Recipe.model_validate(run.settings["recipe"]),
        artifacts=Path(run.artifacts),
        samples_per_class=run.settings["samples_per_class"],
        worst_classes=run.settings["worst_classes"],
    )
