"""Made-up rows stored under the marks of units, past the writer, which takes the records of real results alone."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from db.schema.base import Base
from db.schema.tables import Model, Problem, WorkUnit
from db.write.marks import COUNTED


class RowStore:
    """Stores rows for one run; those that a unit owns get its `unit_id`."""

    def __init__(self, engine: Engine, run_id: int) -> None:
        self._engine, self.run_id = engine, run_id

    def finish(
        self,
        stage: str,
        key: str,
        rows: Sequence[Base] = (),
        *,
        mark: str = "h",
        model_id: int | None = None,
        sample_id: int | None = None,
        seconds: float = 0.0,
    ) -> None:
        """Store a finished unit with its rows; a model among them is what the unit is deleted with."""
        unit = self._unit(stage, key, mark, "done", model_id=model_id, sample_id=sample_id, seconds=seconds)
        unit.records = sum(isinstance(row, COUNTED) for row in rows)
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            session.add(unit)
            session.flush()
            for row in rows:
                if hasattr(row, "unit_id"):
                    row.unit_id = unit.id
                if isinstance(row, Model):
                    unit.model = row
            session.add_all(rows)

    def fail(self, stage: str, key: str, message: str, mark: str = "h") -> None:
        """Store the mark of a unit that failed."""
        with Session(self._engine) as session, session.begin():
            session.add(self._unit(stage, key, mark, "failed", message=message, records=0, seconds=0.0))

    def add_problem(self, stage: str, file: str, message: str, line: int) -> None:
        """Store what was skipped."""
        with Session(self._engine) as session, session.begin():
            session.add(Problem(run_id=self.run_id, stage=stage, file=file, line=line, message=message))

    def _unit(self, stage: str, key: str, mark: str, status: str, **columns: object) -> WorkUnit:
        now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        return WorkUnit(
            run_id=self.run_id, stage=stage, key=key, settings_hash=mark, status=status, finished_at=now, **columns
        )
