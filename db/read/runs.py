"""Reading how far each run is: its settings, finished and failed work units, and what was skipped."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, case, func, select

from db.records.runs import FailedUnit, ProblemView, RunView, StageProgress
from db.schema.tables import Problem, Run, Sample, WorkUnit


@dataclass(frozen=True)
class Runs:
    """Runs, their work units and their problems."""

    _engine: Engine

    def all(self) -> list[RunView]:
        """All runs, the one that was opened last at the end."""
        query = select(*(getattr(Run, name) for name in RunView.__dataclass_fields__)).order_by(Run.started_at, Run.id)
        with self._engine.connect() as connection:
            return [RunView(**row) for row in connection.execute(query).mappings()]

    def latest(self) -> RunView | None:
        """The run that was opened last."""
        return next(iter(reversed(self.all())), None)

    def of_stage(self, stage: str) -> RunView | None:
        """The run that stored a stage's newest unit."""
        query = select(WorkUnit.run_id).where(WorkUnit.stage == stage)
        with self._engine.connect() as connection:
            key = connection.scalar(query.order_by(WorkUnit.finished_at.desc(), WorkUnit.id.desc()).limit(1))
        return next((run for run in self.all() if run.id == key), None)

    def of_samples(self) -> list[RunView]:
        """The runs that ingested the samples that are stored."""
        with self._engine.connect() as connection:
            keys = set(connection.scalars(select(Sample.run_id).distinct()))
        return [run for run in self.all() if run.id in keys]

    def is_finished(self, settings_hash: str) -> bool:
        """Whether the run of these settings came to its end when it was last opened."""
        return any(run.settings_hash == settings_hash and run.finished_at is not None for run in self.all())

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

    def count_problems(self, stage: str | None = None, run: int | None = None) -> int:
        """How much was skipped, at one stage or in one run where these are given."""
        query = select(func.count()).select_from(Problem)
        if stage is not None:
            query = query.where(Problem.stage == stage)
        if run is not None:
            query = query.where(Problem.run_id == run)
        with self._engine.connect() as connection:
            return connection.scalar(query) or 0
