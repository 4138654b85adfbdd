"""Reading the models: what they are and how well they do."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, func, select

from db.records.models import Confusion, ModelView, StoredModel
from db.schema.tables import Explanation, Model


@dataclass(frozen=True)
class Models:
    """Models by name."""

    _engine: Engine

    def all(self) -> list[ModelView]:
        """All models in the recipe's order."""
        explanations = select(Explanation.model_id, func.count().label("explanations")).group_by(Explanation.model_id)
        counted = explanations.subquery()
        columns = [getattr(Model, name) for name in ModelView.__dataclass_fields__ if name != "explanations"]
        query = (
            select(*columns, func.coalesce(counted.c.explanations, 0).label("explanations"))
            .outerjoin(counted, counted.c.model_id == Model.id)
            .order_by(Model.position, Model.name)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        return [
            ModelView(**{**row, "classes": tuple(row["classes"]), "history": tuple(row["history"])}) for row in rows
        ]

    def confusion(self, model: str) -> list[Confusion]:
        """The model's confusion matrix over the test split: every pair that occurs, correct ones included."""
        with self._engine.connect() as connection:
            stored = connection.scalar(select(Model.confusion).where(Model.name == model))
        return [Confusion(*pair) for pair in stored or ()]

    def stored(self, explained: bool = False) -> list[StoredModel]:
        """All models, or the explained ones, in the recipe's order, without figures that have to be counted."""
        columns = [getattr(Model, name) for name in StoredModel.__dataclass_fields__]
        query = select(*columns).order_by(Model.position, Model.id)
        if explained:
            query = query.where(Model.explained)
        with self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        return [StoredModel(**{**row, "classes": tuple(row["classes"])}) for row in rows]


def model_id(connection: Connection, name: str | None) -> int:
    """The model's key; 0, which no row has, for a model that is not stored."""
    return connection.scalar(select(Model.id).where(Model.name == name)) or 0
