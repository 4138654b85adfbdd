"""What the reader returns of samples; arrays of all records are read-only float32."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from db.records.pictures import PictureReference
from db.schema.columns import Point

Split = Literal["train", "test"]


@dataclass(frozen=True)
class SampleView:
    """One sample in a list, with the asked model's prediction.

    `predicted`, `probability` (of the predicted class) and `right` are None without a prediction;
    `position` = the tile's index in the sprite sheet of (label, split), row by row, None without one.
    """

    id: int
    path: str
    split: Split
    label: str
    predicted: str | None
    probability: float | None
    right: bool | None
    explained: bool
    position: int | None


@dataclass(frozen=True)
class EntryView:
    """One OCR entry; `polygon` in pixels of the upright original; `confidence` in 0..1 or None."""

    position: int
    text: str
    polygon: tuple[Point, ...]
    confidence: float | None


@dataclass(frozen=True)
class EvidenceView:
    """Planted evidence: kind 'entry' with `entry_position`, or kind 'region' with a polygon in original pixels."""

    kind: Literal["entry", "region"]
    entry_position: int | None
    polygon: tuple[Point, ...]


@dataclass(frozen=True)
class SampleDetail:
    """One sample with everything that does not depend on a model.

    `width` x `height` are the upright original's pixels; `segments` and the segmentation's size are None before
    the first explanation.
    """

    id: int
    path: str
    split: Split
    label: str
    width: int
    height: int
    picture_hash: str
    entries_hash: str
    entries: tuple[EntryView, ...]
    evidence: tuple[EvidenceView, ...]
    pictures: dict[str, PictureReference]
    segmentation_id: int | None
    segments: int | None
    segmentation_width: int | None
    segmentation_height: int | None
