"""Reading the samples, with their entries and a model's predictions."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Select, Text, and_, cast, literal, select
from sqlalchemy.orm import aliased

from db.read.models import model_id
from db.records.pictures import PictureReference
from db.records.samples import (
    EntryView,
    EvidenceView,
    PlantedSampleView,
    SampleDetail,
    SampleEntries,
    SampleVersion,
    SampleView,
    Split,
)
from db.schema.tables import Category, Evidence, Explanation, OcrEntry, Picture, Prediction, Sample, Segmentation
from db.values import Point


@dataclass(frozen=True)
class Samples:
    """Samples by path."""

    _engine: Engine

    def of_class(self, label: str, model: str | None, split: Split | None = None) -> list[SampleView]:
        """The samples of a class, test before train and by path, with the model's predictions."""
        wanted = [Category.label == label] + ([Sample.split == split] if split is not None else [])
        sheets = select(Picture.layout).join(Category).where(Category.label == label, Picture.kind == "sprite")
        with self._engine.connect() as connection:
            positions = {
                path: position
                for layout in connection.scalars(sheets)
                for position, path in enumerate((layout or {}).get("samples", []))
            }
            rows = connection.execute(_sample_query(model_id(connection, model)).where(*wanted)).mappings().all()
        views = [SampleView(**row, position=positions.get(row["path"])) for row in rows]
        return sorted(views, key=lambda view: (view.split, view.path))

    def by_id(self, ids: Sequence[int], model: str | None) -> list[SampleView]:
        """These samples in this order, whatever their class; without their positions in sprite sheets."""
        with self._engine.connect() as connection:
            query = _sample_query(model_id(connection, model)).where(Sample.id.in_(ids))
            found = {row["id"]: SampleView(**row, position=None) for row in connection.execute(query).mappings()}
        return [found[key] for key in ids if key in found]

    def ids(self, paths: Sequence[str]) -> set[int]:
        """The keys of those samples that are stored."""
        with self._engine.connect() as connection:
            return set(connection.scalars(select(Sample.id).where(Sample.path.in_(paths))))

    def get(self, path: str) -> SampleDetail | None:
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

    def versions(self) -> list[SampleVersion]:
        """All samples, by path."""
        query = (
            select(Sample.path, Sample.picture_hash, Sample.entries_hash, Sample.split, Category.label)
            .join(Category, Category.id == Sample.category_id)
            .order_by(Sample.path)
        )
        with self._engine.connect() as connection:
            return [SampleVersion(**row) for row in connection.execute(query).mappings()]

    def including_entries(self, split: Split | None = None, label: str | None = None) -> list[SampleEntries]:
        """The samples of a split, or of both, and of a class, or of all, by path."""
        wanted = [Sample.split == split] if split is not None else []
        wanted += [Category.label == label] if label is not None else []
        joined = Category.id == Sample.category_id
        columns = (Sample.id, Sample.path, Sample.split, Category.label, Sample.picture_hash, Sample.entries_hash)
        samples = select(*columns).join(Category, joined).where(*wanted).order_by(Sample.path)
        query = (
            select(OcrEntry.sample_id, OcrEntry.position, OcrEntry.text, OcrEntry.polygon, OcrEntry.confidence)
            .join(Sample, Sample.id == OcrEntry.sample_id)
            .join(Category, joined)
            .where(*wanted)
            .order_by(OcrEntry.sample_id, OcrEntry.position)
        )
        entries: dict[int, list[EntryView]] = defaultdict(list)
        with self._engine.connect() as connection:
            rows = connection.execute(samples).mappings().all()
            for key, position, text, polygon, confidence in connection.execute(query):
                entries[key].append(EntryView(position, text, _points(polygon), confidence))
        return [SampleEntries(**row, entries=tuple(entries[row["id"]])) for row in rows]

    def has_evidence(self) -> bool:
        """Whether anything was planted in any sample."""
        with self._engine.connect() as connection:
            return connection.scalar(select(Evidence.id).limit(1)) is not None

    def planted(self, split: Split) -> list[PlantedSampleView]:
        """The samples of a split whose classes have a family, by path, with what was planted in them."""
        query = (
            select(Sample.id, Category.label, Category.family, Sample.width, Sample.height, Segmentation.label_map)
            .join(Category, Category.id == Sample.category_id)
            .outerjoin(Segmentation, Segmentation.sample_id == Sample.id)
            .where(Sample.split == split, Category.family.is_not(None))
            .order_by(Sample.path)
        )
        with self._engine.connect() as connection:
            return [
                PlantedSampleView(**row, evidence=_evidence(connection, row["id"]))
                for row in connection.execute(query).mappings().all()
            ]


def samples_of(label: str) -> Select[int]:
    """Keys of a class's samples; as a list to look for, they keep SQLite from reading all of a model's explanations."""
    return select(Sample.id).join(Category, Category.id == Sample.category_id).where(Category.label == label)


def polygons_of(connection: Connection, samples: Any) -> dict[int, list[list[Point]]]:
    """By sample, one an entry in order of position; a sample without entries has an empty list.

    Args:
        samples: what SQLAlchemy's `in_` takes: the samples' keys, or a query of them.
    """
    query = (
        select(OcrEntry.sample_id, cast(OcrEntry.polygon, Text))
        .where(OcrEntry.sample_id.in_(samples))
        .order_by(OcrEntry.sample_id, OcrEntry.position)
    )
    rows = connection.execute(query).all()
    found: dict[int, list[list[Point]]] = defaultdict(list)
    parsed = json.loads(f"[{','.join(text for _, text in rows)}]")  # one call: a class has thousands
    for (key, _), polygon in zip(rows, parsed, strict=True):
        found[key].append(polygon)
    return found


def _sample_query(model: int) -> Select[int, str, str, str, str, float, bool, bool]:
    """Samples with the fields of SampleView but `position`."""
    predicted = aliased(Category)
    explained = (
        select(literal(1))
        .where(Explanation.model_id == model, Explanation.kind == "predicted", Explanation.sample_id == Sample.id)
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
        .outerjoin(Prediction, and_(Prediction.sample_id == Sample.id, Prediction.model_id == model))
        .outerjoin(predicted, predicted.id == Prediction.category_id)
    )


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
