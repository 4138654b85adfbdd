"""Reading predictions, of one sample or of all at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Engine, select

from db.records.predictions import LabelProbability, Outcomes, PredictionView
from db.schema.tables import Category, Explanation, Model, Prediction, Sample


@dataclass(frozen=True)
class Predictions:
    """Predictions by model and sample."""

    _engine: Engine

    def of(self, model: str, path: str, top: int = 5) -> list[LabelProbability]:
        """A model's most probable classes for a sample, the most probable first."""
        query = (
            select(Model.classes, Prediction.probabilities)
            .join(Model, Model.id == Prediction.model_id)
            .join(Sample, Sample.id == Prediction.sample_id)
            .where(Model.name == model, Sample.path == path)
        )
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return []
        order = np.argsort(-row.probabilities, kind="stable")[:top]
        return [LabelProbability(row.classes[i], float(row.probabilities[i])) for i in order]

    def outcomes(self, model: str) -> Outcomes:
        """A model's predictions for all samples, by key; none for a model that is not stored.

        Only narrow indexes are read, since charts and filters of all classes need it.
        """
        key = select(Model.id).where(Model.name == model).scalar_subquery()
        predicted = (
            select(Sample.id, Sample.split, Sample.category_id, Prediction.category_id, Prediction.probability)
            .join(Prediction, Prediction.sample_id == Sample.id)
            .where(Prediction.model_id == key)
        )
        shares = select(Explanation.sample_id, Explanation.image_share).where(
            Explanation.model_id == key, Explanation.kind == "predicted"
        )
        with self._engine.connect() as connection:
            classes = connection.execute(select(Category.id, Category.label).order_by(Category.label)).all()
            rows: list[tuple[Any, ...]] = sorted(tuple(row) for row in connection.execute(predicted))
            explained = sorted((sample, share) for sample, share in connection.execute(shares))
        index = {category: number for number, (category, _) in enumerate(classes)}
        sample = np.array([row[0] for row in rows], np.int64)
        known = np.array([row[0] for row in explained], np.int64)
        image_share = np.full(len(rows), np.nan, np.float32)
        at = np.searchsorted(sample, known)
        at_known = np.isin(known, sample)
        image_share[at[at_known]] = np.array([row[1] for row in explained], np.float32)[at_known]
        return Outcomes(
            labels=tuple(label for _, label in classes),
            sample=sample,
            is_test=np.array([row[1] == "test" for row in rows], np.bool_),
            label=np.array([index[row[2]] for row in rows], np.int32),
            predicted=np.array([index[row[3]] for row in rows], np.int32),
            probability=np.array([row[4] for row in rows], np.float32),
            image_share=image_share,
            explained=np.isin(sample, known),
        )

    def on_test(self, model: str) -> list[PredictionView]:
        """The model's predictions of the test samples, by path."""
        query = (
            select(
                Sample.id,
                Sample.path,
                Category.label,
                Prediction.probabilities,
                Prediction.category_id == Sample.category_id,
            )
            .join(Sample, Sample.id == Prediction.sample_id)
            .join(Category, Category.id == Sample.category_id)
            .join(Model, Model.id == Prediction.model_id)
            .where(Model.name == model, Sample.split == "test")
            .order_by(Sample.path)
        )
        with self._engine.connect() as connection:
            return [PredictionView(*row) for row in connection.execute(query)]

    def right_on_test(self, model: str, label: str) -> set[str]:
        """Paths of a class's test samples that the model has right."""
        query = (
            select(Sample.path)
            .join(Prediction, Prediction.sample_id == Sample.id)
            .join(Category, Category.id == Sample.category_id)
            .join(Model, Model.id == Prediction.model_id)
            .where(
                Model.name == model,
                Category.label == label,
                Sample.split == "test",
                Prediction.category_id == Sample.category_id,
            )
        )
        with self._engine.connect() as connection:
            return set(connection.scalars(query))

    def outcomes_on_test(self) -> list[tuple[str, bool]]:
        """(label, right) of each test sample and explained model."""
        query = (
            select(Category.label, Prediction.category_id == Sample.category_id)
            .join(Sample, Sample.id == Prediction.sample_id)
            .join(Category, Category.id == Sample.category_id)
            .join(Model, Model.id == Prediction.model_id)
            .where(Model.explained, Sample.split == "test")
        )
        with self._engine.connect() as connection:
            return [(label, right) for label, right in connection.execute(query)]
