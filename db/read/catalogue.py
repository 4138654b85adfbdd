"""Reading what there is: runs, models, classes and samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Float, Integer, Select, and_, cast, func, literal, select
from sqlalchemy.orm import aliased

from db.records.views import (
    ClassView,
    EntryView,
    EvidenceView,
    ModelView,
    PictureReference,
    RunView,
    SampleDetail,
    SampleView,
    Split,
)
from db.schema.tables import (
    Category,
    Evidence,
    Explanation,
    Model,
    OcrEntry,
    Picture,
    Prediction,
    Run,
    Sample,
    Segmentation,
)


class Catalogue:
    """Runs, models, classes and samples by name."""

    _engine: Engine

    def runs(self) -> list[RunView]:
        """All runs, the one that was opened last at the end."""
        query = select(*(getattr(Run, name) for name in RunView.__dataclass_fields__)).order_by(Run.started_at, Run.id)
        with self._engine.connect() as connection:
            return [RunView(**row) for row in connection.execute(query).mappings()]

    def models(self) -> list[ModelView]:
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

    def classes(self, model: str | None = None) -> list[ClassView]:
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
                key = _model_id(connection, model)
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

    def samples(self, label: str, model: str | None, split: Split | None = None) -> list[SampleView]:
        """The samples of a class, test before train and by path, with what the model says of each."""
        wanted = [Category.label == label] + ([Sample.split == split] if split is not None else [])
        sheets = select(Picture.layout).join(Category).where(Category.label == label, Picture.kind == "sprite")
        with self._engine.connect() as connection:
            positions = {
                path: position
                for layout in connection.scalars(sheets)
                for position, path in enumerate((layout or {}).get("samples", []))
            }
            rows = connection.execute(_sample_query(_model_id(connection, model)).where(*wanted)).mappings().all()
        views = [SampleView(**row, position=positions.get(row["path"])) for row in rows]
        return sorted(views, key=lambda view: (view.split, view.path))

    def samples_by_id(self, ids: Sequence[int], model: str | None) -> list[SampleView]:
        """These samples in this order, whatever their class; without their places in sprite sheets."""
        with self._engine.connect() as connection:
            query = _sample_query(_model_id(connection, model)).where(Sample.id.in_(ids))
            found = {row["id"]: SampleView(**row, position=None) for row in connection.execute(query).mappings()}
        return [found[key] for key in ids if key in found]

    def sample_ids(self, paths: Sequence[str]) -> set[int]:
        """The keys of those samples that are stored."""
        with self._engine.connect() as connection:
            return set(connection.scalars(select(Sample.id).where(Sample.path.in_(paths))))

    def sample(self, path: str) -> SampleDetail | None:
        """One sample with its entries and evidence."""
        head = (
            select(
                Sample.id,
                Sample.split,
                Category.label,
                Sample.width,
                Sample.height,
                Sample.picture_hash,
                Sample.entries_hash,
                Segmentation.id.label("segmentation_id"),
                Segmentation.segments,
                Segmentation.width.label("segmentation_width"),
                Segmentation.height.label("segmentation_height"),
            )
            .join(Category, Category.id == Sample.category_id)
            .outerjoin(Segmentation, Segmentation.sample_id == Sample.id)
            .where(Sample.path == path)
        )
        with self._engine.connect() as connection:
            row = connection.execute(head).mappings().one_or_none()
            if row is None:
                return None
            return SampleDetail(
                path=path,
                **row,
                entries=_entries(connection, row["id"]),
                evidence=_evidence(connection, row["id"]),
                pictures=_pictures(connection, row["id"]),
            )


def _sample_query(model_id: int) -> Select[int, str, str, str, str, float, bool, bool]:
    """Samples with the fields of SampleView but `position`."""
    predicted = aliased(Category)
    explained = (
        select(literal(1))
        .where(Explanation.model_id == model_id, Explanation.kind == "predicted", Explanation.sample_id == Sample.id)
        .exists()
    )
    return (
        select(
            Sample.id,
            Sample.path,
            Sample.split,
            Category.label,
            predicted.label.label("predicted"),
            Prediction.probability,
            (Prediction.category_id == Sample.category_id).label("right"),
            explained.label("explained"),
        )
        .join(Category, Category.id == Sample.category_id)
        .outerjoin(Prediction, and_(Prediction.sample_id == Sample.id, Prediction.model_id == model_id))
        .outerjoin(predicted, predicted.id == Prediction.category_id)
    )


def _model_id(connection: Connection, name: str | None) -> int:
    """The model's key; 0, which no row has, for a model that is not stored."""
    return connection.scalar(select(Model.id).where(Model.name == name)) or 0


def _pairs(rows: Sequence[Any]) -> dict[int, Any]:
    return {row[0]: row[1] for row in rows}


def _entries(connection: Connection, sample_id: int) -> tuple[EntryView, ...]:
    query = (
        select(OcrEntry.position, OcrEntry.text, OcrEntry.polygon, OcrEntry.confidence)
        .where(OcrEntry.sample_id == sample_id)
        .order_by(OcrEntry.position)
    )
    return tuple(
        EntryView(row.position, row.text, _points(row.polygon), row.confidence) for row in connection.execute(query)
    )


def _evidence(connection: Connection, sample_id: int) -> tuple[EvidenceView, ...]:
    query = select(Evidence.kind, Evidence.entry_position, Evidence.polygon).where(Evidence.sample_id == sample_id)
    return tuple(
        EvidenceView(row.kind, row.entry_position, _points(row.polygon))
        for row in connection.execute(query.order_by(Evidence.id))
    )


def _pictures(connection: Connection, sample_id: int) -> dict[str, PictureReference]:
    columns = [getattr(Picture, name) for name in PictureReference.__dataclass_fields__]
    rows = connection.execute(select(*columns).where(Picture.sample_id == sample_id)).mappings()
    return {row["kind"]: PictureReference(**row) for row in rows}


def _points(polygon: Sequence[Sequence[float]]) -> tuple[tuple[float, float], ...]:
    return tuple((x, y) for x, y in polygon)
