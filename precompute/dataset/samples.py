"""Stored samples as the later stages see them, and the picture as the models see it."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, joinedload, selectinload

from db.schema.tables import Category, Sample
from precompute.dataset.faults import InputChangedError
from precompute.dataset.pictures import upright_rgb
from precompute.models.protocol import Entry

Pixels = npt.NDArray[np.uint8]

_AGAIN = "put it back, or run the stage ingest again"


@dataclass(frozen=True)
class LabelledSample:
    """A sample with all that a model needs; `picture` is the original file on disk."""

    id: int
    path: str
    picture: Path
    split: str
    label: str
    entries: tuple[Entry, ...]
    picture_hash: str
    entries_hash: str


def stored_samples(
    engine: Engine, dataset: Path, split: str | None = None, label: str | None = None
) -> list[LabelledSample]:
    """All samples of a split (or of both) and of a class (or of all), ordered by path."""
    query = select(Sample).options(joinedload(Sample.category), selectinload(Sample.entries)).order_by(Sample.path)
    if split is not None:
        query = query.where(Sample.split == split)
    if label is not None:
        query = query.join(Category, Category.id == Sample.category_id).where(Category.label == label)
    with Session(engine) as session:
        return [
            LabelledSample(
                id=row.id,
                path=row.path,
                picture=dataset / row.path,
                split=row.split,
                label=row.category.label,
                entries=tuple(Entry(e.text, tuple((x, y) for x, y in e.polygon)) for e in row.entries),
                picture_hash=row.picture_hash,
                entries_hash=row.entries_hash,
            )
            for row in session.scalars(query)
        ]


def open_upright(path: Path) -> Image.Image:
    """The picture in RGB with its EXIF orientation applied.

    Raises:
        OSError: not a picture, or one that is cut short.
    """
    with Image.open(path) as picture:
        return upright_rgb(picture)


def load_picture(path: Path, size: int) -> Pixels:
    """The picture as models see it: uint8 [size, size, 3], upright, aspect ratio not kept (P1 §4.3).

    Raises:
        OSError: as `open_upright`.
    """
    return _resized(open_upright(path), size)


def sample_picture(sample: LabelledSample, size: int) -> Pixels:
    """A sample's picture as models see it, see `load_picture`; read once, and only if it is what was ingested.

    Raises:
        InputChangedError: the file is gone, cannot be read, or was changed since the data set was ingested.
    """
    try:
        content = sample.picture.read_bytes()
        if hashlib.sha256(content).hexdigest() != sample.picture_hash:
            raise InputChangedError(f"{sample.path}: changed since the data set was ingested; {_AGAIN}")
        with Image.open(io.BytesIO(content)) as picture:
            return _resized(upright_rgb(picture), size)
    except OSError as error:
        raise InputChangedError(f"{sample.picture}: cannot be read ({error.strerror or error}); {_AGAIN}") from error


def _resized(picture: Image.Image, size: int) -> Pixels:
    return np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR))
