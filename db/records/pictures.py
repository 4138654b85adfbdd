"""What the reader returns of pictures and superpixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from db.values import Point

SamplePicture = Literal["thumbnail", "display"]


@dataclass(frozen=True)
class PictureReference:
    """A stored picture without its bytes; `digest` = its SHA-256 in hexadecimal, for ETag and address."""

    kind: str
    digest: str
    media_type: str
    width: int
    height: int


@dataclass(frozen=True)
class PictureView:
    """A stored picture with its bytes."""

    kind: str
    content: bytes = field(repr=False)
    digest: str
    media_type: str
    width: int
    height: int


@dataclass(frozen=True)
class SpriteView(PictureView):
    """A sheet of thumbnails: sample i lies in column i % columns and row i // columns, `tile` pixels squared."""

    tile: int
    columns: int
    samples: tuple[str, ...]


@dataclass(frozen=True)
class LabelMapView:
    """The superpixels of a sample: palette PNG (16-bit above 255 segments) whose pixel value = segment id."""

    content: bytes = field(repr=False)
    digest: str
    segments: int
    width: int
    height: int


@dataclass(frozen=True)
class PartSource:
    """The display picture of a sample of `width` x `height` pixels, and where its parts of one modality lie.

    There are `parts`. `label_map` as in LabelMapView, empty for words; `polygons[entry position]` in pixels of the
    upright original, empty for picture parts.
    """

    content: bytes = field(repr=False)
    width: int
    height: int
    parts: int
    label_map: bytes = field(repr=False)
    polygons: Sequence[Sequence[Point]] = field(repr=False)
