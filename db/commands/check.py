"""Checking a database: the engine's own checks, then that the numbers fit one another."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image
from sqlalchemy import Connection, Engine, Select, exists, func, literal, select
from sqlalchemy.exc import DBAPIError

from db.schema.tables import (
    ActivationMap,
    Category,
    Explanation,
    Mask,
    Model,
    OcrEntry,
    Picture,
    Prediction,
    Sample,
    Segmentation,
    WorkUnit,
)

TOLERANCE = 1e-3  # of sums of float32 numbers near 1
_CHUNK = 200


def faults(engine: Engine) -> Iterator[str]:
    """Everything that is wrong with a database, one line each, in an order from the file to its meaning."""
    parts = (_file, _pictures, _masks, _label_maps, _predictions, _explanations, _activation_maps, _units)
    for part in parts:
        with engine.connect() as connection:
            try:
                yield from part(connection)
            except DBAPIError as error:  # a damaged page: the other parts may still be readable
                yield f"{part.__name__.strip('_').replace('_', ' ')}: cannot be read: {error.orig}"


def _file(connection: Connection) -> Iterator[str]:
    if connection.dialect.name != "sqlite":
        return
    for (message,) in connection.exec_driver_sql("PRAGMA integrity_check"):
        if message != "ok":
            yield f"file: {' '.join(message.split())}"
    for table, row, target, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        yield f"{table} {row}: points to a row of {target} that is not there"


def _pictures(connection: Connection) -> Iterator[str]:
    query = select(Picture.id, Picture.kind, Picture.content, Picture.digest, Picture.width, Picture.height)
    for row in _rows(connection, query):
        if hashlib.sha256(row.content).hexdigest() != row.digest:
            yield f"picture {row.id} ({row.kind}): the bytes do not match the digest"
        elif (size := _picture_size(row.content)) != (row.width, row.height):
            yield f"picture {row.id} ({row.kind}): expected {row.width}x{row.height} pixels, found {size}"


def _masks(connection: Connection) -> Iterator[str]:
    query = select(Sample.path, Mask.content, Mask.width, Mask.height).join(Sample, Sample.id == Mask.sample_id)
    for row in _rows(connection, query):
        if (size := _picture_size(row.content)) != (row.width, row.height):
            yield f"mask of {row.path}: expected {row.width}x{row.height} pixels, found {size}"


def _label_maps(connection: Connection) -> Iterator[str]:
    query = select(
        Sample.path, Segmentation.label_map, Segmentation.segments, Segmentation.width, Segmentation.height
    ).join(Sample, Sample.id == Segmentation.sample_id)
    for row in _rows(connection, query):
        where = f"label map of {row.path}"
        try:
            with Image.open(io.BytesIO(row.label_map)) as image:
                labels = np.asarray(image)
        except OSError as error:
            yield f"{where}: {error}"
            continue
        if labels.shape != (row.height, row.width):
            yield f"{where}: expected {row.width}x{row.height} pixels, found {labels.shape[1]}x{labels.shape[0]}"
        if not np.array_equal(np.unique(labels), np.arange(row.segments)):
            yield f"{where}: expected the segment ids 0..{row.segments - 1}, found {labels.min()}..{labels.max()}"


def _predictions(connection: Connection) -> Iterator[str]:
    query = (
        select(
            Model.name,
            Model.classes,
            Sample.path,
            Category.label,
            Prediction.probability,
            Prediction.probabilities,
        )
        .join(Model, Model.id == Prediction.model_id)
        .join(Sample, Sample.id == Prediction.sample_id)
        .join(Category, Category.id == Prediction.category_id)
    )
    for row in _rows(connection, query):
        where, vector = f"prediction of {row.name} for {row.path}", row.probabilities
        if len(vector) != len(row.classes):
            yield f"{where}: {len(vector)} probabilities for {len(row.classes)} classes"
        elif not np.isfinite(vector).all() or vector.min() < 0 or abs(vector.sum() - 1) > TOLERANCE:
            yield f"{where}: the probabilities are not 0..1 with a sum of 1"
        elif row.label not in row.classes or abs(vector[row.classes.index(row.label)] - vector.max()) > 1e-6:
            yield f"{where}: {row.label} is not the most probable class"
        elif abs(float(vector.max()) - row.probability) > 1e-6:
            yield f"{where}: probability {row.probability} differs from the vector's {float(vector.max())}"


def _explanations(connection: Connection) -> Iterator[str]:
    entries = select(OcrEntry.sample_id, func.count().label("entries")).group_by(OcrEntry.sample_id).subquery()
    query = (
        select(
            Explanation.id,
            Model.name,
            Sample.path,
            Segmentation.segments,
            func.coalesce(entries.c.entries, 0).label("entries"),
            Explanation.intercept,
            Explanation.surrogate_prediction,
            Explanation.probability,
            Explanation.image_weights,
            Explanation.text_weights,
            (Segmentation.sample_id == Explanation.sample_id).label("own"),
        )
        .join(Model, Model.id == Explanation.model_id)
        .join(Sample, Sample.id == Explanation.sample_id)
        .join(Segmentation, Segmentation.id == Explanation.segmentation_id)
        .outerjoin(entries, entries.c.sample_id == Explanation.sample_id)
    )
    for row in _rows(connection, query):
        where = f"explanation {row.id} ({row.name}, {row.path})"
        if not row.own:
            yield f"{where}: the superpixels are another sample's"
        if len(row.image_weights) != row.segments:
            yield f"{where}: {len(row.image_weights)} image weights for {row.segments} superpixels"
        if len(row.text_weights) != row.entries:
            yield f"{where}: {len(row.text_weights)} text weights for {row.entries} entries"
        total = row.intercept + float(row.image_weights.sum(dtype=float) + row.text_weights.sum(dtype=float))
        if not abs(total - row.surrogate_prediction) <= TOLERANCE:
            yield f"{where}: intercept + weights = {total}, but surrogate_prediction = {row.surrogate_prediction}"
        if not 0 <= row.probability <= 1 + 1e-6:
            yield f"{where}: probability {row.probability} is not in 0..1"


def _activation_maps(connection: Connection) -> Iterator[str]:
    query = (
        select(Model.name, Sample.path, *(getattr(ActivationMap, name) for name in ("id", "width", "height", "values")))
        .join(Model, Model.id == ActivationMap.model_id)
        .join(Sample, Sample.id == ActivationMap.sample_id)
    )
    for row in _rows(connection, query):
        where = f"activation map {row.id} ({row.name}, {row.path})"
        if len(row.values) not in (0, row.width * row.height):
            yield f"{where}: {len(row.values)} values for {row.width}x{row.height}"
        elif len(row.values) and not (row.values.min() >= 0 and row.values.max() <= 1):
            yield f"{where}: a value is not in 0..1"


def _units(connection: Connection) -> Iterator[str]:
    """Units marked done whose rows are gone: they would never be computed again."""
    for stage, table in (("predict", Prediction), ("explain-local", Explanation), ("activation", ActivationMap)):
        query = select(WorkUnit.key).where(
            WorkUnit.stage == stage,
            WorkUnit.status == "done",
            ~exists(select(literal(1)).where(table.unit_id == WorkUnit.id)),
        )
        for row in _rows(connection, query):
            yield f"work unit {stage} {row.key}: done, but without a row"


def _rows(connection: Connection, query: Select[*tuple[Any, ...]]) -> Any:
    return connection.execute(query.execution_options(yield_per=_CHUNK))


def _picture_size(content: bytes) -> tuple[int, int] | None:
    """Width and height, None where the bytes are no picture."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            return image.size
    except OSError:
        return None
