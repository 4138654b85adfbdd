"""What the reader returns of samples; arrays of all records are read-only float32."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from db.records.pictures import PictureReference
from db.values import Point

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


@dataclass(frozen=True)
class SampleVersion:
    """What tells one version of a sample from another: hashes of its picture and its entries, its split and class."""

    path: str
    picture_hash: str
    entries_hash: str
    split: Split
    label: str


@dataclass(frozen=True)
class SampleEntries:
    """A sample with its OCR entries in order of position."""

    id: int
    path: str
    split: Split
    label: str
    picture_hash: str
    entries_hash: str
    entries: tuple[EntryView, ...]


@dataclass(frozen=True)
class PlantedSampleView:
    """A sample of a class that belongs to a family, with what was planted in it.

    `width` x `height` are the upright original's pixels; `label_map` = its superpixels as PNG, None without any.
    """

    id: int
    label: str
    family: str
    width: int
    height: int
    evidence: tuple[EvidenceView, ...]
    label_map: bytes | None = field(repr=False)
