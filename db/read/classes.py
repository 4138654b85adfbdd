"""Reading the classes, with what a model gets right and explains in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Float, Integer, cast, func, select

from db.read.models import model_id
from db.records.classes import ClassView
from db.schema.tables import Category, Explanation, Prediction, Sample


@dataclass(frozen=True)
class Classes:
    """Classes by label."""

    _engine: Engine

    def all(self, model: str | None = None) -> list[ClassView]:
        """All classes by label, with what the model explains and gets right in them."""
        sizes = select(Sample.category_id, Sample.split, func.count()).group_by(Sample.category_id, Sample.split)
        explained = (
            select(Sample.category_id, func.count(Explanation.sample_id.distinct()))
            .join(Sample, Sample.id == Explanation.sample_id)
            .where(Explanation.kind == "predicted")
            .group_by(Sample.category_id)
        )
        right = func.avg(cast(cast(Prediction.category_id == Sample.category_id, Integer), Float))
        accuracy = (
            select(Sample.category_id, right)
            .join(Prediction, Prediction.sample_id == Sample.id)
            .where(Sample.split == "test")
            .group_by(Sample.category_id)
        )
        with self._engine.connect() as connection:
            counts = {(category, split): count for category, split, count in connection.execute(sizes)}
            accuracies: dict[int, float] = {}
            if model is not None:
                key = model_id(connection, model)
                explained = explained.where(Explanation.model_id == key)
                accuracies = _pairs(connection.execute(accuracy.where(Prediction.model_id == key)).all())
            explanations = _pairs(connection.execute(explained).all())
            rows = connection.execute(
                select(Category.id, Category.label, Category.display_name, Category.family)
            ).mappings()
            views = [
                ClassView(
                    **row,
                    train=counts.get((row["id"], "train"), 0),
                    test=counts.get((row["id"], "test"), 0),
                    explained=explanations.get(row["id"], 0),
                    accuracy=accuracies.get(row["id"]),
                )
                for row in rows
            ]
        return sorted(views, key=lambda view: view.label)

    def labels(self) -> list[str]:
        """The labels of all classes, sorted: the order of a model's probabilities."""
        with self._engine.connect() as connection:
            return list(connection.scalars(select(Category.label).order_by(Category.label)))

    def folders(self) -> list[tuple[str, str]]:
        """(split, label) of each split of a class that has samples, sorted."""
        query = select(Sample.split, Category.label).join(Category, Category.id == Sample.category_id).distinct()
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(Sample.split, Category.label))
            return [(split, label) for split, label in rows]

    def families(self) -> dict[str, str]:
        """The family by label, of the classes that have one."""
        query = select(Category.label, Category.family).order_by(Category.id)
        with self._engine.connect() as connection:
            return {label: family for label, family in connection.execute(query) if family is not None}


def _pairs(rows: Sequence[Any]) -> dict[int, Any]:
    return {row[0]: row[1] for row in rows}
