"""Reading what a model says of all samples at once, from the narrow indexes alone, as columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from sqlalchemy import Engine, select

from db.records.views import Outcomes
from db.schema.tables import Category, Explanation, Model, Prediction, Sample


class OutcomeColumns:
    """Every prediction of a model, for the charts and filters that span all classes."""

    _engine: Engine

    def outcomes(self, model: str) -> Outcomes:
        """Every sample that the model was shown, by key; of a model that is not stored, none."""
        key = select(Model.id).where(Model.name == model).scalar_subquery()
        said = (
            select(Sample.id, Sample.split, Sample.category_id, Prediction.category_id, Prediction.probability)
            .join(Prediction, Prediction.sample_id == Sample.id)
            .where(Prediction.model_id == key)
        )
        shares = select(Explanation.sample_id, Explanation.image_share).where(
            Explanation.model_id == key, Explanation.kind == "predicted"
        )
        with self._engine.connect() as connection:
            classes = connection.execute(select(Category.id, Category.label).order_by(Category.label)).all()
            rows: list[tuple[Any, ...]] = sorted(tuple(row) for row in connection.execute(said))
            explained = sorted((sample, share) for sample, share in connection.execute(shares))
        place = {category: number for number, (category, _) in enumerate(classes)}
        sample = np.array([row[0] for row in rows], np.int64)
        known = np.array([row[0] for row in explained], np.int64)
        image_share = np.full(len(rows), np.nan, np.float32)
        at = np.searchsorted(sample, known)
        at_known = np.isin(known, sample)
        image_share[at[at_known]] = np.array([row[1] for row in explained], np.float32)[at_known]
        return Outcomes(
            labels=tuple(label for _, label in classes),
            sample=sample,
            test=np.array([row[1] == "test" for row in rows], np.bool_),
            label=np.array([place[row[2]] for row in rows], np.int32),
            predicted=np.array([place[row[3]] for row in rows], np.int32),
            probability=np.array([row[4] for row in rows], np.float32),
            image_share=image_share,
            explained=np.isin(sample, known),
        )
