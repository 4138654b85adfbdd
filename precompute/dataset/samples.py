"""Stored samples as the later stages see them, and the picture as the models see it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, joinedload, selectinload

from db.schema.tables import Category, Sample
from precompute.dataset.decoding import decode_ingested
from precompute.models.protocol import Entry

Pixels = npt.NDArray[np.uint8]


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


def sample_picture(sample: LabelledSample, size: int) -> Pixels:
    """A sample's picture as models see it: uint8 [size, size, 3], upright, aspect ratio not kept (P1 §4.3).

    Raises:
        InputChangedError: the file is not what was ingested.
        UserError: it cannot be decoded.
    """
    return resized(decode_ingested(sample.picture, sample.path, sample.picture_hash), size)


def resized(picture: Image.Image, size: int) -> Pixels:
    """A picture in the models' size: uint8 [size, size, 3]."""
    return np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR))
