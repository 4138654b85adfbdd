"""Reading local explanations and their modality ratio."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Row, RowMapping, Select, and_, func, select
from sqlalchemy.orm import aliased

from db.read.samples import polygons_of, samples_of
from db.records.explanations import (
    ExplainedPrediction,
    ExplanationView,
    ImageShare,
    PredictedExplanation,
    RightExplanationView,
    TrueClassExplanation,
)
from db.records.samples import Split
from db.schema.tables import (
    TARGET_KINDS,
    Category,
    Explanation,
    Model,
    OcrEntry,
    Prediction,
    Sample,
    Segmentation,
    WorkUnit,
)
from db.values import Vector

_JOINED = {"model", "sample", "split", "label", "predicted", "target"}
_OWN_COLUMNS = [name for name in ExplanationView.__dataclass_fields__ if name not in _JOINED]
"""Fields of ExplanationView that are columns of `explanation`; the others are joined from other tables."""


@dataclass(frozen=True)
class Explanations:
    """Local explanations by model and sample."""

    _engine: Engine

    def of(self, model: str, path: str) -> list[ExplanationView]:
        """A model's explanations of a sample: the predicted class, then the true one, then the runner-up."""
        query = explanation_query().where(Model.name == model, Sample.path == path)
        with self._engine.connect() as connection:
            views = [ExplanationView(**row) for row in connection.execute(query).mappings()]
        return sorted(views, key=lambda view: TARGET_KINDS.index(view.kind))

    def of_class(self, model: str, label: str) -> list[ExplanationView]:
        """A model's explanations of the classes that it predicts for the samples of a class, by path."""
        query = explanation_query().where(
            Model.name == model, Explanation.kind == "predicted", Explanation.sample_id.in_(samples_of(label))
        )
        with self._engine.connect() as connection:
            views = [ExplanationView(**row) for row in connection.execute(query).mappings()]
        return sorted(views, key=lambda view: view.sample)

    def for_overlays(self, model: str, label: str, split: Split) -> list[PredictedExplanation]:
        """The explanations of predicted classes for all samples of a class and split, with what they are drawn on."""
        samples = samples_of(label).where(Sample.split == split)
        query = (
            select(
                Explanation.sample_id,
                Sample.path.label("sample"),
                Sample.width,
                Sample.height,
                Explanation.image_weights,
                Explanation.text_weights,
                Segmentation.label_map,
            )
            .join(Model, Model.id == Explanation.model_id)
            .join(Sample, Sample.id == Explanation.sample_id)
            .join(Segmentation, Segmentation.id == Explanation.segmentation_id)
            .where(Model.name == model, Explanation.kind == "predicted", Explanation.sample_id.in_(samples))
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
            polygons = polygons_of(connection, samples)
        return [
            PredictedExplanation(
                **{name: value for name, value in row.items() if name != "sample_id"},
                polygons=tuple(polygons[row["sample_id"]]),
            )
            for row in rows
        ]

    def of_true_class(self, model: str, label: str, split: Split | None = None) -> list[TrueClassExplanation]:
        """A model's explanations of the true class on the samples of that class, by path.

        Definition: docs/definitions.md, Global groups.
        """
        query = (
            select(
                Explanation.id.label("explanation_id"),
                Explanation.sample_id,
                Sample.path.label("sample"),
                Sample.split,
                Explanation.segmentation_id,
                Explanation.image_weights,
                Explanation.text_weights,
                WorkUnit.settings_hash,
                WorkUnit.finished_at,
            )
            .join(Model, Model.id == Explanation.model_id)
            .join(Sample, and_(Sample.id == Explanation.sample_id, Sample.category_id == Explanation.category_id))
            .join(WorkUnit, WorkUnit.id == Explanation.unit_id)
            .where(Model.name == model, Explanation.sample_id.in_(samples_of(label)))
        )
        if split is not None:
            query = query.where(Sample.split == split)
        entries = (
            select(OcrEntry.sample_id, OcrEntry.text)
            .where(OcrEntry.sample_id.in_(samples_of(label)))
            .order_by(OcrEntry.sample_id, OcrEntry.position)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
            texts = _grouped(connection.execute(entries).all())
        views = [TrueClassExplanation(**_stamped(row), entries=tuple(texts[row["sample_id"]])) for row in rows]
        return sorted(views, key=lambda view: view.sample)

    def image_shares(self, model: str, label: str | None = None) -> list[ImageShare]:
        """The modality ratio of each explained sample of a model, or of one class of samples, by path."""
        query = (
            select(
                Sample.path.label("sample"),
                Category.label,
                (Explanation.category_id == Sample.category_id).label("right"),
                Explanation.image_share,
                Explanation.image_share_positive,
                Explanation.probability,
                Explanation.probability_without_text,
                Explanation.probability_without_image,
            )
            .join(Model, Model.id == Explanation.model_id)
            .join(Sample, Sample.id == Explanation.sample_id)
            .join(Category, Category.id == Sample.category_id)
            .where(Model.name == model, Explanation.kind == "predicted")
        )
        if label is not None:
            query = query.where(Explanation.sample_id.in_(samples_of(label)))
        with self._engine.connect() as connection:
            views = [ImageShare(*row) for row in connection.execute(query)]
        return sorted(views, key=lambda view: view.sample)

    def stamps(self, split: Split | None = None) -> dict[tuple[str, str], list[tuple[int, str]]]:
        """By (model, label) the (id, stamp) of each explanation that `of_true_class` gives, in that order."""
        query = (
            select(Model.name, Category.label, Explanation.id, WorkUnit.settings_hash, WorkUnit.finished_at)
            .join(Model, Model.id == Explanation.model_id)
            .join(Sample, and_(Sample.id == Explanation.sample_id, Sample.category_id == Explanation.category_id))
            .join(Category, Category.id == Explanation.category_id)
            .join(WorkUnit, WorkUnit.id == Explanation.unit_id)
            .order_by(Sample.path)
        )
        if split is not None:
            query = query.where(Sample.split == split)
        found: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
        with self._engine.connect() as connection:
            for model, label, key, mark, finished in connection.execute(query):
                found[model, label].append((key, _stamp(mark, finished)))
        return found

    def on_test(self) -> list[ExplainedPrediction]:
        """What the explained models predict for test samples, explained."""
        query = (
            select(
                Model.name.label("model"),
                Sample.path.label("sample"),
                Explanation.image_weights,
                Explanation.text_weights,
                Explanation.image_errors,
                Explanation.text_errors,
                Explanation.r2,
                WorkUnit.settings_hash,
                WorkUnit.finished_at,
            )
            .join(Model, Model.id == Explanation.model_id)
            .join(Sample, Sample.id == Explanation.sample_id)
            .join(WorkUnit, WorkUnit.id == Explanation.unit_id)
            .where(Explanation.kind == "predicted", Sample.split == "test", Model.explained)
        )
        with self._engine.connect() as connection:
            return [ExplainedPrediction(**_stamped(row)) for row in connection.execute(query).mappings()]

    def right_on_test(self, model: str) -> list[RightExplanationView]:
        """A model's explanations of its right predictions of test samples, by path."""
        query = (
            select(Explanation.sample_id, Explanation.image_weights, Explanation.text_weights, Explanation.image_share)
            .join(Model, Model.id == Explanation.model_id)
            .join(Sample, and_(Sample.id == Explanation.sample_id, Sample.category_id == Explanation.category_id))
            .where(Model.name == model, Explanation.kind == "predicted", Sample.split == "test")
            .order_by(Sample.path)
        )
        with self._engine.connect() as connection:
            return [RightExplanationView(*row) for row in connection.execute(query)]

    def superpixel_weights(self, model: str) -> dict[str, tuple[bytes, Vector]]:
        """By path the superpixels as PNG, and their weights for the class that the model predicts."""
        query = (
            select(Sample.path, Segmentation.label_map, Explanation.image_weights)
            .join(Model, Model.id == Explanation.model_id)
            .join(Sample, Sample.id == Explanation.sample_id)
            .join(Segmentation, Segmentation.id == Explanation.segmentation_id)
            .where(Model.name == model, Explanation.kind == "predicted")
        )
        with self._engine.connect() as connection:
            return {path: (label_map, weights) for path, label_map, weights in connection.execute(query)}

    def count(self, models: Collection[str] | None = None) -> int:
        """How many explanations are stored, of these models where given."""
        query = select(func.count()).select_from(Explanation)
        if models is not None:
            query = query.where(Explanation.model_id.in_(select(Model.id).where(Model.name.in_(models))))
        with self._engine.connect() as connection:
            return connection.scalar(query) or 0

    def count_by_sample(self) -> dict[str, int]:
        """How many explanations each sample has, by path."""
        query = select(Sample.path, func.count()).join(Explanation, Explanation.sample_id == Sample.id)
        with self._engine.connect() as connection:
            return dict(connection.execute(query.group_by(Sample.path)).all())


def explanation_query() -> Select[Any]:
    """All explanations with the fields of ExplanationView; `Explanation`, `Model` and `Sample` can be narrowed down."""
    own, target, predicted = aliased(Category), aliased(Category), aliased(Category)
    return (
        select(
            *(getattr(Explanation, name) for name in _OWN_COLUMNS),
            Model.name.label("model"),
            Sample.path.label("sample"),
            Sample.split,
            own.label.label("label"),
            target.label.label("target"),
            predicted.label.label("predicted"),
        )
        .join(Model, Model.id == Explanation.model_id)
        .join(Sample, Sample.id == Explanation.sample_id)
        .join(own, own.id == Sample.category_id)
        .join(target, target.id == Explanation.category_id)
        .outerjoin(
            Prediction,
            and_(Prediction.model_id == Explanation.model_id, Prediction.sample_id == Explanation.sample_id),
        )
        .outerjoin(predicted, predicted.id == Prediction.category_id)
    )


def _grouped(rows: Sequence[Row[int, str]]) -> dict[int, list[str]]:
    grouped: dict[int, list[str]] = defaultdict(list)
    for key, value in rows:
        grouped[key].append(value)
    return grouped


def _stamp(mark: str, finished: datetime.datetime) -> str:
    """Changes whenever a unit is computed anew."""
    return f"{mark} {finished.isoformat()}"


def _stamped(row: RowMapping) -> dict[str, Any]:
    """A row with its unit's mark and time as `stamp`."""
    fields = dict(row)
    stamp = _stamp(fields.pop("settings_hash"), fields.pop("finished_at"))
    return {**fields, "stamp": stamp}
