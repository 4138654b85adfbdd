"""The stored forecasts of an embedding classifier, from which figures of whole classes are made (P2 §3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, aliased

from db.schema.columns import Vector
from db.schema.tables import Category, EmbeddingForecast, Prediction, Sample


@dataclass(frozen=True)
class StoredForecast:
    """A stored forecast; `predicted` = its class, `label` the sample's own; `probabilities` of all classes."""

    sample_id: int
    path: str
    split: str
    label: str
    predicted: str
    features: list[int]
    weights: Vector
    values: Vector
    boxes: list[list[float]]
    similarities: list[tuple[str, int, float]]
    probabilities: Vector


@dataclass(frozen=True)
class ModelForecasts:
    """An embedding classifier, its classes in the order of probabilities, and its forecasts (one at least) by path."""

    model: str
    classes: Sequence[str]
    forecasts: Sequence[StoredForecast]


def stored_forecasts(engine: Engine, model_id: int) -> list[StoredForecast]:
    """All forecasts of a model, by path of the sample."""
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
        .join(Sample, Sample.id == EmbeddingForecast.sample_id)
        .join(own, own.id == Sample.category_id)
        .join(Category, Category.id == EmbeddingForecast.category_id)
        .join(Prediction, Prediction.sample_id == Sample.id)
        .where(EmbeddingForecast.model_id == model_id, Prediction.model_id == model_id)
        .order_by(Sample.path)
    )
    with Session(engine) as session:
        return [StoredForecast(*row) for row in session.execute(query)]
