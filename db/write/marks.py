"""Done marks: which units of a stage are finished, from what, and whether all that they wrote is still there."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from db.schema.tables import (
    ActivationMap,
    EmbeddingForecast,
    Evaluation,
    Explanation,
    GlobalGroup,
    Prediction,
    WorkUnit,
)

COUNTED = (Prediction, Explanation, GlobalGroup, EmbeddingForecast, ActivationMap, Evaluation)
"""Tables whose rows belong to a unit: a mark is believed only while as many are there as were written."""


@dataclass(frozen=True)
class Marks:
    """By key the fingerprints of the inputs of a stage's finished units, and of its failed ones."""

    finished: dict[str, str]
    failed: dict[str, str]


def stage_marks(engine: Engine, stage: str) -> Marks:
    """The marks of a stage; a unit that lacks a row that it wrote is neither finished nor failed."""
    query = select(WorkUnit.id, WorkUnit.key, WorkUnit.settings_hash, WorkUnit.status, WorkUnit.records)
    rows: dict[int, int] = defaultdict(int)
    marks = Marks({}, {})
    with Session(engine.execution_options(sqlite_begin="DEFERRED")) as session:
        for table in COUNTED:
            counts = (
                select(table.unit_id, func.count())
                .join(WorkUnit, WorkUnit.id == table.unit_id)
                .where(WorkUnit.stage == stage)
                .group_by(table.unit_id)
            )
            for unit_id, number in session.execute(counts):
                rows[unit_id] += number
        for unit_id, key, mark, status, records in session.execute(query.where(WorkUnit.stage == stage)):
            if status == "failed":
                marks.failed[key] = mark
            elif records is None or records == rows[unit_id]:
                marks.finished[key] = mark
    return marks
