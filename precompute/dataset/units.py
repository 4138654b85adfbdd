"""Work units of the data set and ocr stages: their names, their marks and what goes with them."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from db.tables import Category, Picture, Problem, Sample, WorkUnit
from precompute.dataset.faults import Fault

STAGE = "ingest"
_CHUNK = 500  # keys in one statement; engines bound the number of parameters
_Key = TypeVar("_Key")


@dataclass(frozen=True)
class UnitName:
    """A unit of the data set stage: the samples of one split with one label."""

    split: str
    label: str

    @property
    def key(self) -> str:
        return f"{self.split}/{self.label}"


def mark_unit(
    session: Session,
    run_id: int,
    stage: str,
    settings_hash: str,
    key: str,
    faults: Sequence[Fault] = (),
    *,
    status: str = "done",
    sample_id: int | None = None,
    seconds: float = 0.0,
) -> None:
    """Set a unit's mark, and its problems, in place of earlier ones of the same stage and key."""
    delete_unit(session, stage, key)
    unit = {
        "run_id": run_id,
        "stage": stage,
        "settings_hash": settings_hash,
        "key": key,
        "status": status,
        "message": faults[0].message if status == "failed" else None,
        "sample_id": sample_id,
        "seconds": seconds,
        "finished_at": datetime.datetime.now(datetime.UTC).replace(tzinfo=None),
    }
    unit_id = session.execute(insert(WorkUnit).values(unit).returning(WorkUnit.id)).scalar_one()
    rows = [
        {
            "run_id": run_id,
            "unit_id": unit_id,
            "stage": stage,
            "file": fault.file,
            "line": fault.line,
            "sample": fault.sample,
            "message": fault.message,
        }
        for fault in faults
    ]
    if rows:
        session.execute(insert(Problem), rows)


def delete_unit(session: Session, stage: str, key: str) -> None:
    """Remove a unit's mark and, by cascade, its problems."""
    session.execute(delete(WorkUnit).where(WorkUnit.stage == stage, WorkUnit.key == key))


def delete_sprite(session: Session, name: UnitName) -> None:
    """Remove the sprite sheet of a unit."""
    category = select(Category.id).where(Category.label == name.label).scalar_subquery()
    session.execute(delete(Picture).where(Picture.category_id == category, Picture.split == name.split))


def remove_unit(session: Session, name: UnitName) -> int:
    """Remove a unit that the data set has no more, with its samples; returns how many these were."""
    category = select(Category.id).where(Category.label == name.label).scalar_subquery()
    samples = session.scalars(select(Sample.id).where(Sample.category_id == category, Sample.split == name.split)).all()
    for chunk in chunks(samples):
        session.execute(delete(Sample).where(Sample.id.in_(chunk)))
    delete_sprite(session, name)
    delete_unit(session, STAGE, name.key)
    return len(samples)


def chunks(keys: Sequence[_Key]) -> Iterator[Sequence[_Key]]:
    """The keys in groups that fit into one statement."""
    return (keys[start : start + _CHUNK] for start in range(0, len(keys), _CHUNK))
