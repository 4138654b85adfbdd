"""Reading what an embedding classifier's forecasts rest on (P2), and how well it does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sqlalchemy import Engine, and_, select
from sqlalchemy.orm import aliased

from db.read.evaluations import Evaluations, all_classes_first
from db.records.embedding import (
    AucView,
    ClassFeatureView,
    FeaturePlace,
    ForecastView,
    RankedFeature,
    Similarity,
    SimilarityView,
    StoredForecast,
)
from db.records.predictions import LabelProbability
from db.schema.tables import Category, EmbeddingForecast, Model, Prediction, Sample


@dataclass(frozen=True)
class Embedding:
    """Forecasts by model and sample, and what was measured of an embedding classifier."""

    _engine: Engine

    def forecast(self, model: str, path: str) -> ForecastView | None:
        """An embedding classifier's forecast for a sample, None where its features are not ranked."""
        own = aliased(Category)
        names = ("features", "weights", "values", "boxes", "similarities")
        ranked = [getattr(EmbeddingForecast, name) for name in names]
        query = (
            select(*ranked, Prediction.probabilities, Model.classes, Category.label, own.label.label("own"))
            .select_from(EmbeddingForecast)
            .join(Model, Model.id == EmbeddingForecast.model_id)
            .join(Sample, Sample.id == EmbeddingForecast.sample_id)
            .join(Category, Category.id == EmbeddingForecast.category_id)
            .join(own, own.id == Sample.category_id)
            .join(Prediction, and_(Prediction.model_id == Model.id, Prediction.sample_id == Sample.id))
            .where(Model.name == model, Sample.path == path)
        )
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        order = np.argsort(-row.probabilities, kind="stable")
        return ForecastView(
            model=model,
            sample=path,
            label=row.own,
            predicted=row.label,
            probability=float(row.probabilities[row.classes.index(row.label)]),
            probabilities=tuple(LabelProbability(row.classes[i], float(row.probabilities[i])) for i in order),
            features=tuple(
                RankedFeature(feature, float(weight), float(value), tuple(box))
                for feature, weight, value, box in zip(
                    row.features, row.weights, row._mapping["values"], row.boxes, strict=True
                )
            ),
            similarities=tuple(Similarity(*one) for one in row.similarities),
        )

    def forecasts(self, model: str) -> list[StoredForecast]:
        """All forecasts of an embedding classifier, by the sample's path; none of any other model."""
        own = aliased(Category)
        names = ("features", "weights", "values", "boxes", "similarities")
        query = (
            select(
                Sample.id,
                Sample.path,
                Sample.split,
                own.label,
                Category.label,
                *(getattr(EmbeddingForecast, name) for name in names),
                Prediction.probabilities,
            )
            .select_from(EmbeddingForecast)
            .join(Model, Model.id == EmbeddingForecast.model_id)
            .join(Sample, Sample.id == EmbeddingForecast.sample_id)
            .join(own, own.id == Sample.category_id)
            .join(Category, Category.id == EmbeddingForecast.category_id)
            .join(Prediction, and_(Prediction.model_id == Model.id, Prediction.sample_id == Sample.id))
            .where(Model.name == model)
            .order_by(Sample.path)
        )
        with self._engine.connect() as connection:
            return [StoredForecast(*row) for row in connection.execute(query)]

    def class_features(self, model: str, label: str) -> list[ClassFeatureView]:
        """The features that a model's forecasts of a class rest on most often, and where they fire most."""
        return [
            ClassFeatureView(
                rank=rank,
                feature=one["feature"],
                samples=one["samples"],
                forecasts=row.figures["samples"],
                top=row.figures["top"],
                mean_weight=one["mean_weight"],
                places=tuple(
                    FeaturePlace(p["sample"], p["sample"].partition("/")[0], p["value"], tuple(p["box"]))
                    for p in one["places"]
                ),
            )
            for row in Evaluations(self._engine).figures("features", model, label=label)
            for rank, one in enumerate(row.figures["features"], start=1)
        ]

    def similarities(self, model: str, label: str | None = None) -> list[SimilarityView]:
        """P2's Table 2: by class, all classes first, strategy and number of features; or of one class."""
        return [
            SimilarityView(row.label, strategy, top, mean, sd, row.figures["samples"])
            for row in all_classes_first(Evaluations(self._engine).figures("similarity", model, label=label))
            for strategy, top, mean, sd in row.figures["rows"]
        ]

    def auc(self, model: str) -> AucView | None:
        """How well an embedding classifier separates the classes, None where that was not measured."""
        found = Evaluations(self._engine).figures("auc", model)
        if not found:
            return None
        figures = found[0].figures
        tops = tuple((n, auc) for n, auc in figures["tops"])
        return AucView(figures["auc"], figures["by_class"], figures["features"], tops)
