"""Reading what was measured of the explanations: deletion, faithfulness, and any other kind of figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Label, Select, select
from sqlalchemy.orm import InstrumentedAttribute

from db.read.samples import samples_of
from db.records.evaluations import DeletionView, FaithfulnessView, Figures
from db.schema.tables import Category, Evaluation, Model, Sample

_ABOUT = (Model.position, Category.label, Sample.path, Evaluation.modality)
ORDER = (*(one.nulls_first() for one in _ABOUT), Evaluation.id)
"""By what figures are about, none before any: of its own, each engine puts nulls elsewhere."""


@dataclass(frozen=True)
class Evaluations:
    """Rows of the table `evaluation` by kind; a figure that is not stored is None."""

    _engine: Engine

    def figures(
        self, kind: str, model: str | None = None, path: str | None = None, label: str | None = None
    ) -> list[Figures]:
        """Measured figures of one kind (db/README.md, `evaluation`), narrowed down to a model, sample or class."""
        query = evaluation_query(Model.name.label("model")).where(Evaluation.kind == kind)
        query = query.order_by(*ORDER)
        if model is not None:
            query = query.where(Model.name == model)
        if path is not None:
            query = query.where(Evaluation.sample_id.in_(select(Sample.id).where(Sample.path == path)))
        if label is not None:
            query = query.where(Evaluation.category_id.in_(select(Category.id).where(Category.label == label)))
        with self._engine.connect() as connection:
            return [Figures(*row) for row in connection.execute(query)]

    def deletion(self) -> list[DeletionView]:
        """The deletion test of every model that was put to it, in the recipe's order, image before text."""
        return [
            DeletionView(
                model=row.model,
                modality=row.modality,
                samples=row.figures["samples"],
                untouched=row.figures.get("untouched"),
                top_removed=row.figures.get("top_removed"),
                random_removed=row.figures.get("random_removed"),
                draws=row.figures.get("draws"),
                difference=row.figures.get("difference"),
                interval=_interval(row.figures.get("interval")),
            )
            for row in self.figures("deletion")
            if row.model is not None and row.modality is not None
        ]

    def faithfulness(self, model: str, path: str) -> FaithfulnessView | None:
        """How faithful a model's explanation of the class it predicts for a sample is, None where not measured."""
        names = FaithfulnessView.__dataclass_fields__
        found = self.figures("faithfulness", model, path)
        return FaithfulnessView(**{name: found[0].figures.get(name) for name in names}) if found else None

    def faithfulness_of_class(self, model: str, label: str) -> dict[str, FaithfulnessView]:
        """The same of all samples of a class, by path."""
        names = FaithfulnessView.__dataclass_fields__
        query = evaluation_query(Model.name.label("model")).where(
            Evaluation.kind == "faithfulness", Model.name == model, Evaluation.sample_id.in_(samples_of(label))
        )
        with self._engine.connect() as connection:
            rows = [Figures(*row) for row in connection.execute(query)]
        return {
            row.sample: FaithfulnessView(**{name: row.figures.get(name) for name in names})
            for row in rows
            if row.sample is not None
        }


def evaluation_query(*first: Label[Any] | InstrumentedAttribute[Any]) -> Select[Any]:
    """Selects `first`, then what figures are about, and the figures."""
    return (
        select(*first, Sample.path.label("sample"), Category.label, Evaluation.modality, Evaluation.figures)
        .select_from(Evaluation)
        .outerjoin(Model, Model.id == Evaluation.model_id)
        .outerjoin(Sample, Sample.id == Evaluation.sample_id)
        .outerjoin(Category, Category.id == Evaluation.category_id)
    )


def all_classes_first(rows: Sequence[Figures]) -> list[Figures]:
    """Figures by class, those of all classes together before any; each engine's own order of labels differs."""
    return sorted(rows, key=lambda row: row.label or "")


def _interval(ends: Sequence[float] | None) -> tuple[float, float] | None:
    return None if ends is None or None in ends else (ends[0], ends[1])
