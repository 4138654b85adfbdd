"""Reading work units: which are finished, from which settings, and how long they took."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Engine, func, select

from db.records.units import DoneUnit, UnitCount
from db.schema.tables import Model, WorkUnit


@dataclass(frozen=True)
class Units:
    """Work units by stage; see `db.write.marks` for the done marks that a rerun goes by."""

    _engine: Engine

    def done(self, stage: str) -> list[DoneUnit]:
        """The finished units of a stage in the order in which they were first stored."""
        columns = [getattr(WorkUnit, name) for name in DoneUnit.__dataclass_fields__]
        query = select(*columns).where(WorkUnit.stage == stage, WorkUnit.status == "done").order_by(WorkUnit.id)
        with self._engine.connect() as connection:
            return [DoneUnit(**row) for row in connection.execute(query).mappings()]

    def of_model(self, stage: str, model: str) -> list[DoneUnit]:
        """The units of a stage that are deleted with a model, failed ones too, by key."""
        columns = [getattr(WorkUnit, name) for name in DoneUnit.__dataclass_fields__]
        query = select(*columns).join(Model, Model.id == WorkUnit.model_id)
        with self._engine.connect() as connection:
            rows = connection.execute(query.where(WorkUnit.stage == stage, Model.name == model).order_by(WorkUnit.key))
            return [DoneUnit(**row) for row in rows.mappings()]

    def counts(self, stages: Collection[str]) -> list[UnitCount]:
        """Finished units of these stages by stage, settings and run."""
        query = (
            select(WorkUnit.stage, WorkUnit.settings, WorkUnit.run_id, func.count())
            .where(WorkUnit.stage.in_(stages), WorkUnit.status == "done")
            .group_by(WorkUnit.stage, WorkUnit.settings, WorkUnit.run_id)
        )
        with self._engine.connect() as connection:
            return [UnitCount(*row) for row in connection.execute(query)]

    def count_evaluations(self, models: Collection[str] | None = None) -> int:
        """How many units of evaluations there are, of these models where given."""
        query = select(func.count()).select_from(WorkUnit).where(WorkUnit.stage.startswith("evaluate-"))
        if models is not None:
            query = query.where(WorkUnit.model_id.in_(select(Model.id).where(Model.name.in_(models))))
        with self._engine.connect() as connection:
            return connection.scalar(query) or 0
