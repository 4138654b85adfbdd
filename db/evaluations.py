"""Reading what was measured of the explanations: deletion, faithfulness, noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, Row, Select, select

from db.tables import Category, Evaluation, Model, Sample
from db.views import DeletionView, FaithfulnessView, Modality, NoiseView


class Evaluations:
    """Rows of the table `evaluation` by kind; a figure that is not stored is None."""

    _engine: Engine

    def deletion(self) -> list[DeletionView]:
        """The deletion test of every model that was put to it, in the recipe's order, image before text."""
        query = (
            select(Model.name, Evaluation.modality, Evaluation.figures)
            .join(Model, Model.id == Evaluation.model_id)
            .where(Evaluation.kind == "deletion", Evaluation.sample_id.is_(None), Evaluation.category_id.is_(None))
            .order_by(Model.position, Model.name, Evaluation.modality)
        )
        return [
            DeletionView(
                model=row.name,
                modality=row.modality,
                samples=row.figures["samples"],
                untouched=row.figures.get("untouched"),
                top_removed=row.figures.get("top_removed"),
                random_removed=row.figures.get("random_removed"),
                draws=row.figures.get("draws"),
                difference=row.figures.get("difference"),
                interval=_interval(row.figures.get("interval")),
            )
            for row in self._rows(query)
        ]

    def faithfulness(self, model: str, path: str) -> FaithfulnessView | None:
        """How well a model's explanation of its answer on a sample holds, None where that was not measured."""
        query = (
            select(Evaluation.figures)
            .join(Model, Model.id == Evaluation.model_id)
            .join(Sample, Sample.id == Evaluation.sample_id)
            .where(Evaluation.kind == "faithfulness", Model.name == model, Sample.path == path)
        )
        names = FaithfulnessView.__dataclass_fields__
        found = [FaithfulnessView(**{name: row.figures.get(name) for name in names}) for row in self._rows(query)]
        return found[0] if found else None

    def noise(self, model: str, label: str) -> dict[Modality, NoiseView]:
        """How many of the features that went into a class's groups fit none, by modality."""
        query = (
            select(Evaluation.modality, Evaluation.figures)
            .join(Model, Model.id == Evaluation.model_id)
            .join(Category, Category.id == Evaluation.category_id)
            .where(Evaluation.kind == "groups", Model.name == model, Category.label == label)
        )
        return {
            row.modality: NoiseView(row.figures["parts"], row.figures["noise"], row.figures["reason"])
            for row in self._rows(query)
        }

    def _rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        with self._engine.connect() as connection:
            return connection.execute(query).all()


def _interval(ends: Sequence[float] | None) -> tuple[float, float] | None:
    return None if ends is None or None in ends else (ends[0], ends[1])
