"""Writing results: a work unit's rows and its 'done' mark are one transaction."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, Row, delete, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.tables import Base, Model, Problem, Run, WorkUnit

_CHUNK = 500  # keys in one statement; engines bound the number of parameters
_UNITS = select(WorkUnit.id, WorkUnit.settings_hash, WorkUnit.key, WorkUnit.model_id)


@dataclass(frozen=True)
class UnitResult:
    """A finished work unit.

    `rows` are new mapped objects, related ones included; their `unit_id` is filled in here.
    `model_id` and `sample_id` = what the unit goes away with; `model_id` of a unit that stores a Model is that model's.
    `changes` = new values of columns of stored rows, by table; each with the row's `id`.
    """

    stage: str
    settings_hash: str
    key: str
    rows: Sequence[Base] = ()
    model_id: int | None = None
    sample_id: int | None = None
    seconds: float = 0.0
    changes: Mapping[type[Base], Sequence[Mapping[str, Any]]] = field(default_factory=dict)


class Writer:
    """Writes one run's results; safe beside other writers, and a kill at any instant leaves no half unit."""

    def __init__(self, engine: Engine) -> None:
        # In SQLite a transaction that starts as a reader cannot wait for another writer: begin as a writer.
        self._engine = engine.execution_options(sqlite_begin="IMMEDIATE")
        self._run_id: int | None = None

    @property
    def run_id(self) -> int:
        """The run that rows are written for.

        Raises:
            RuntimeError: neither `start_run` nor `continue_run` was called.
        """
        if self._run_id is None:
            raise RuntimeError("call Writer.start_run first")
        return self._run_id

    def start_run(
        self,
        settings: dict[str, Any],
        settings_hash: str,
        seed: int,
        versions: dict[str, str],
        dataset: str,
        artifacts: str,
    ) -> int:
        """Open the run of these settings, a new one or the earlier one again, and return its id."""
        with self._transaction() as session:
            run = session.scalar(select(Run).where(Run.settings_hash == settings_hash))
            if run is None:
                run = Run(settings_hash=settings_hash)
                session.add(run)
            run.started_at = _now()
            run.settings, run.seed, run.versions = settings, seed, dict(versions)
            run.dataset, run.artifacts, run.finished_at = dataset, artifacts, None
            session.flush()
            self._run_id = run.id
            return run.id

    def continue_run(self, run_id: int) -> None:
        """Write for a stored run without opening it again: it stays as finished as it is."""
        self._run_id = run_id

    def finish_run(self, run_id: int | None = None) -> None:
        """Note the time at which the run was complete."""
        with self._transaction() as session:
            session.get_one(Run, run_id or self.run_id).finished_at = _now()

    def done(self, stage: str, settings_hash: str) -> set[str]:
        """Keys of the stage's finished units with these settings; failed ones are not among them."""
        query = select(WorkUnit.key).where(
            WorkUnit.stage == stage, WorkUnit.settings_hash == settings_hash, WorkUnit.status == "done"
        )
        with Session(self._engine.execution_options(sqlite_begin="DEFERRED")) as session:
            return set(session.scalars(query))

    def finish_unit(
        self,
        stage: str,
        settings_hash: str,
        key: str,
        rows: Sequence[Base] = (),
        *,
        model_id: int | None = None,
        sample_id: int | None = None,
        seconds: float = 0.0,
    ) -> None:
        """Store one unit, see `UnitResult`, in place of what the same stage and key wrote before."""
        self.finish_units([UnitResult(stage, settings_hash, key, rows, model_id, sample_id, seconds)])

    def finish_units(self, results: Sequence[UnitResult]) -> None:
        """Store many units in one transaction, each as `finish_unit` does."""
        with self._transaction() as session:
            _delete_units(session, results)
            units = [self._unit(result, "done", None) for result in results]
            session.add_all(units)
            session.flush()
            for unit, result in zip(units, results, strict=True):
                for row in result.rows:
                    if hasattr(row, "unit_id"):
                        row.unit_id = unit.id
                    if isinstance(row, Model):
                        unit.model = row
                session.add_all(result.rows)
                for table, rows in result.changes.items():
                    if rows:
                        session.execute(update(table), [dict(row) for row in rows])

    def fail_unit(
        self,
        stage: str,
        settings_hash: str,
        key: str,
        message: str,
        *,
        model_id: int | None = None,
        sample_id: int | None = None,
        seconds: float = 0.0,
    ) -> None:
        """Note that a unit failed; what the same stage and key wrote before is stale and goes."""
        result = UnitResult(stage, settings_hash, key, (), model_id, sample_id, seconds)
        with self._transaction() as session:
            _delete_units(session, [result])
            session.add(self._unit(result, "failed", message))

    def prune(self, stage: str, keep: Collection[tuple[str, str]]) -> int:
        """Remove the stage's units, rows and all, whose (settings hash, key) is not kept; returns how many."""
        query = _UNITS.where(WorkUnit.stage == stage)
        with self._transaction() as session:
            stale = [unit for unit in session.execute(query) if (unit.settings_hash, unit.key) not in keep]
            _remove(session, stage, stale)
            return len(stale)

    def add_problem(
        self, stage: str, file: str, message: str, *, line: int | None = None, sample: str | None = None
    ) -> None:
        """Note something that was skipped, with the file and the line to mend."""
        with self._transaction() as session:
            session.add(Problem(run_id=self.run_id, stage=stage, file=file, line=line, sample=sample, message=message))

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            yield session

    def _unit(self, result: UnitResult, status: str, message: str | None) -> WorkUnit:
        return WorkUnit(
            run_id=self.run_id,
            stage=result.stage,
            settings_hash=result.settings_hash,
            key=result.key,
            model_id=result.model_id,
            sample_id=result.sample_id,
            status=status,
            message=message,
            seconds=result.seconds,
            finished_at=_now(),
        )


def _delete_units(session: Session, results: Sequence[UnitResult]) -> None:
    """Remove what the results' stages and keys wrote before, with whatever settings."""
    keys = defaultdict(list)
    for result in results:
        keys[result.stage].append(result.key)
    for stage, wanted in keys.items():
        for start in range(0, len(wanted), _CHUNK):
            chunk = wanted[start : start + _CHUNK]
            stale = session.execute(_UNITS.where(WorkUnit.stage == stage, WorkUnit.key.in_(chunk))).all()
            _remove(session, stage, stale)


def _remove(session: Session, stage: str, units: Sequence[Row[*tuple[Any, ...]]]) -> None:
    """Delete units and by cascade their rows; a trained model, which others point to, by the key in its unit."""
    if stage == "train":
        _delete(session, Model.id, [unit.model_id for unit in units if unit.model_id is not None])
    _delete(session, WorkUnit.id, [unit.id for unit in units])


def _delete(session: Session, column: InstrumentedAttribute[Any], values: Sequence[Any]) -> None:
    """Delete the rows whose column has one of the values; what stands on them goes by cascade."""
    for start in range(0, len(values), _CHUNK):
        statement = delete(column.class_).where(column.in_(values[start : start + _CHUNK]))
        session.execute(statement.execution_options(synchronize_session=False))


def _now() -> datetime.datetime:
    """UTC without a time zone, as both engines keep it."""
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
