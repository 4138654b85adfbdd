"""Reading how far each run is: its settings, finished and failed work units, and what was skipped."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, case, func, select

from db.records.runs import FailedUnit, ProblemView, RunView, StageProgress
from db.schema.tables import Problem, Run, WorkUnit


@dataclass(frozen=True)
class Runs:
    """Runs, their work units and their problems."""

    _engine: Engine

    def all(self) -> list[RunView]:
        """All runs, the one that was opened last at the end."""
        query = select(*(getattr(Run, name) for name in RunView.__dataclass_fields__)).order_by(Run.started_at, Run.id)
        with self._engine.connect() as connection:
            return [RunView(**row) for row in connection.execute(query).mappings()]

    def progress(self) -> list[StageProgress]:
        """Each stage that has work units, in the order in which they first finished one."""
        query = (
            select(
                WorkUnit.stage,
                func.sum(case((WorkUnit.status == "done", 1), else_=0)),
                func.sum(case((WorkUnit.status == "failed", 1), else_=0)),
                func.sum(WorkUnit.seconds),
                func.max(WorkUnit.finished_at),
            )
            .group_by(WorkUnit.stage)
            .order_by(func.min(WorkUnit.id))
        )
        with self._engine.connect() as connection:
            return [StageProgress(*row) for row in connection.execute(query)]

    def failures(self) -> list[FailedUnit]:
        """Work units that failed, the latest first."""
        query = select(WorkUnit.stage, WorkUnit.key, func.coalesce(WorkUnit.message, ""))
        with self._engine.connect() as connection:
            rows = connection.execute(query.where(WorkUnit.status == "failed").order_by(WorkUnit.id.desc()))
            return [FailedUnit(*row) for row in rows]

    def problems(self) -> list[ProblemView]:
        """What was skipped, in the order in which it was met."""
        query = select(Problem.stage, Problem.file, Problem.line, Problem.sample, Problem.message)
        with self._engine.connect() as connection:
            return [ProblemView(*row) for row in connection.execute(query.order_by(Problem.id))]
