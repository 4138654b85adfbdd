"""Writing results: a work unit's rows and its 'done' mark are one transaction."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from sqlalchemy import Engine, Row, delete, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.records.written import FinishedUnit
from db.schema.base import Base
from db.schema.tables import Model, Run, WorkUnit
from db.write.dependents import Inputs, later_stages, remove_dependents, scope_of
from db.write.marks import COUNTED, Marks, stage_marks
from db.write.rows import RowBuilder, store_accuracy
from db.write.samples import INGEST, carry_problems, name_classes, remove_other_classes

_CHUNK = 500  # keys in one statement; engines bound the number of parameters
_UNITS = select(WorkUnit.id, WorkUnit.settings_hash, WorkUnit.key, WorkUnit.model_id, WorkUnit.run_id, WorkUnit.status)


class Guard(Protocol):
    """Says in each transaction whether this process may still write, see db.write.lease."""

    def check(self, session: Session) -> None: ...


class Writer:
    """Writes one run's results; a kill at any instant leaves no half unit.

    Args:
        inputs: by stage the stages that its results are made from; when those are deleted, these are, too.
        guard: asked in each transaction.
    """

    def __init__(self, engine: Engine, inputs: Inputs | None = None, guard: Guard | None = None) -> None:
        # In SQLite a transaction that starts as a reader cannot wait for another writer: begin as a writer.
        self._engine = engine.execution_options(sqlite_begin="IMMEDIATE")
        self._inputs = inputs or {}
        self._guard = guard
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

    def add_settings(self, settings: Mapping[str, Any]) -> None:
        """Add settings to those of the run."""
        with self._transaction() as session:
            run = session.get_one(Run, self.run_id)
            run.settings = {**run.settings, **settings}

    def continue_run(self, run_id: int) -> None:
        """Write for a stored run without opening it again: it stays as finished as it is."""
        self._run_id = run_id

    def finish_run(self, run_id: int | None = None) -> None:
        """Note the time at which the run was complete."""
        with self._transaction() as session:
            session.get_one(Run, run_id or self.run_id).finished_at = _now()

    def marks(self, stage: str) -> Marks:
        """The marks of a stage, see `db.write.marks`."""
        return stage_marks(self._engine, stage)

    def store(self, units: Sequence[FinishedUnit]) -> None:
        """Store finished units with their records in one transaction, each in place of what the same key wrote."""
        with self._transaction() as session:
            builder = RowBuilder(session, self.run_id, self._dependents)
            fresh = [unit for unit in units if not builder.kept(unit)]
            stored = [builder.rows(unit) for unit in fresh]
            marks = [self._mark(builder, unit) for unit in fresh]
            _delete_units(session, fresh)
            session.add_all(marks)
            session.flush()
            for mark, (rows, changes) in zip(marks, stored, strict=True):
                mark.records = sum(isinstance(row, COUNTED) for row in rows)
                _own(mark, rows)
                session.add_all(rows)
                for table, changed in changes.items():
                    session.execute(update(table), changed)

    def fail(self, unit: FinishedUnit, message: str) -> None:
        """Note that a unit failed; what the same stage and key wrote before is removed."""
        with self._transaction() as session:
            mark = self._mark(RowBuilder(session, self.run_id, self._dependents), unit)
            mark.status, mark.message, mark.records = "failed", message, 0
            _delete_units(session, [unit])
            session.add(mark)

    def _dependents(self, stage: str) -> set[str]:
        return later_stages(stage, self._inputs)

    def remove_other_classes(self, names: Collection[tuple[str, str]]) -> int:
        """Remove samples of all but these (split, label), and classes without samples; returns how many samples."""
        with self._transaction() as session:
            return remove_other_classes(session, names, self._dependents("ingest"))

    def carry_problems(self, stage: str, lines: Mapping[str, tuple[str, int | None]]) -> None:
        """See `db.write.samples.carry_problems`."""
        with self._transaction() as session:
            carry_problems(session, self.run_id, stage, lines)

    def name_classes(self, names: Mapping[str, tuple[str | None, str | None]]) -> None:
        """See `db.write.samples.name_classes`."""
        with self._transaction() as session:
            name_classes(session, names)

    def store_accuracy(self, figures: Mapping[str, Mapping[str, Any]]) -> None:
        """Set accuracy, top3_accuracy and confusion of models, by name."""
        with self._transaction() as session:
            store_accuracy(session, figures)

    def prune(self, stage: str, keep: Collection[tuple[str, str]]) -> int:
        """Remove the stage's units whose (mark, key) is not kept, with their rows and what was made from them.

        Returns:
            How many finished units of this stage were removed; their runs are not finished any more.
        """
        query = _UNITS.where(WorkUnit.stage == stage)
        with self._transaction() as session:
            stale = [unit for unit in session.execute(query) if (unit.settings_hash, unit.key) not in keep]
            if not stale:
                return 0
            done = [unit for unit in stale if unit.status == "done"]
            scope = scope_of(session, [unit.id for unit in done])
            _remove(session, stage, stale)
            if done and stage != INGEST:  # whose samples stay until they are read again, see db.write.samples
                remove_dependents(session, self._dependents(stage), scope)
            if done and not stage.startswith("evaluate-"):
                runs = {unit.run_id for unit in done}
                session.execute(update(Run).where(Run.id.in_(runs)).values(finished_at=None))
            return len(done)

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            if self._guard is not None:
                self._guard.check(session)
            yield session

    def _mark(self, builder: RowBuilder, unit: FinishedUnit) -> WorkUnit:
        return WorkUnit(
            run_id=self.run_id,
            stage=unit.stage,
            settings_hash=unit.mark,
            settings=unit.settings,
            key=unit.key,
            model_id=builder.model_id(unit.model),
            sample_id=builder.sample_id(unit.sample),
            status="done",
            seconds=unit.seconds,
            finished_at=_now(),
        )


def _own(mark: WorkUnit, rows: Sequence[Base]) -> None:
    """Let a stored mark own the rows of its unit; a model that a unit stores is what the unit is deleted with."""
    for row in rows:
        if hasattr(row, "unit_id"):
            row.unit_id = mark.id
        if isinstance(row, Model):
            mark.model = row


def _delete_units(session: Session, units: Sequence[FinishedUnit]) -> None:
    """Remove what the units' stages and keys wrote before, with whatever settings."""
    keys = defaultdict(list)
    for unit in units:
        keys[unit.stage].append(unit.key)
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
    """Delete the rows whose column has one of the values; what depends on them is deleted by cascade."""
    for start in range(0, len(values), _CHUNK):
        statement = delete(column.class_).where(column.in_(values[start : start + _CHUNK]))
        session.execute(statement.execution_options(synchronize_session=False))


def _now() -> datetime.datetime:
    """UTC without a time zone, as both engines keep it."""
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
