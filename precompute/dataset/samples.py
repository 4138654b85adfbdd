"""Stored samples as the later stages see them, and the picture as the models see it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from db.read.reader import Reader
from db.records.samples import Split
from db.session import Engine
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
    engine: Engine, dataset: Path, split: Split | None = None, label: str | None = None
) -> list[LabelledSample]:
    """All samples of a split (or of both) and of a class (or of all), ordered by path."""
    return [
        LabelledSample(
            id=one.id,
            path=one.path,
            picture=dataset / one.path,
            split=one.split,
            label=one.label,
            entries=tuple(Entry(entry.text, entry.polygon) for entry in one.entries),
            picture_hash=one.picture_hash,
            entries_hash=one.entries_hash,
        )
        for one in Reader(engine).samples.including_entries(split, label)
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
