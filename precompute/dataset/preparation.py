"""Preparing one sample: all of the work that needs its picture, done in a worker process."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from db.records.written import PictureRecord
from precompute.dataset.decoding import decode_mask, decode_picture
from precompute.dataset.entries import Annotations, read_metadata_row, read_vision_document
from precompute.dataset.faults import Fault, FaultError
from precompute.dataset.found import Found, Source
from precompute.dataset.metadata import read_row
from precompute.dataset.pictures import encode, encode_mask, shrink
from precompute.dataset.polygons import Frame


@dataclass(frozen=True)
class Preparation:
    """A task: the sample, and the sizes (pixels a side) of what is derived from it."""

    root: str
    sample: Found
    display_size: int
    thumbnail_size: int
    tile_size: int


@dataclass(frozen=True)
class PreparedSample:
    """A sample ready to be stored.

    `picture_hash` is the SHA-256 of the file, `width` and `height` are those of the upright original,
    `tile` is the picture for the sprite sheet as RGB bytes of `tile_size` (width, height).
    """

    path: str
    picture_hash: str
    width: int
    height: int
    annotations: Annotations
    display: PictureRecord
    thumbnail: PictureRecord
    tile: bytes
    tile_size: tuple[int, int]
    mask: PictureRecord | None


def prepare(task: Preparation) -> PreparedSample | Fault:
    """Decode, check and encode one sample; the first thing that is wrong with it comes back as a Fault."""
    root, sample = Path(task.root), task.sample
    location = Fault(sample.path, "", sample=sample.path)
    try:
        with (root / sample.path).open("rb") as stream:
            picture, frame = decode_picture(stream, task.display_size)
            stream.seek(0)
            picture_hash = hashlib.file_digest(stream, "sha256").hexdigest()
        if sample.source:
            location = Fault(sample.source.file, "", sample.source.line, sample.path)
        annotations = read_annotations(root, sample.source, frame)
        if sample.mask:
            location = Fault(sample.mask.path, "", sample=sample.path)
        mask = _mask(root / sample.mask.path, frame) if sample.mask else None
    except OSError as error:
        return Fault(location.file, f"cannot be read ({error.strerror or error})", location.line, location.sample)
    except FaultError as fault:
        return Fault(location.file, str(fault), location.line, location.sample)
    picture = shrink(picture, task.display_size)
    thumbnail = shrink(picture, task.thumbnail_size)
    tile = shrink(thumbnail, task.tile_size)
    return PreparedSample(
        path=sample.path,
        picture_hash=picture_hash,
        width=frame.upright_size[0],
        height=frame.upright_size[1],
        annotations=annotations,
        display=encode(picture),
        thumbnail=encode(thumbnail),
        tile=tile.tobytes(),
        tile_size=tile.size,
        mask=mask,
    )


def _mask(path: Path, frame: Frame) -> PictureRecord:
    with path.open("rb") as stream:
        return encode_mask(decode_mask(stream, frame))


def read_annotations(root: Path, source: Source | None, frame: Frame) -> Annotations:
    """What the data set says of a sample's text; no source = nothing.

    Raises:
        FaultError: it is malformed, or was changed since the scan.
        OSError: the file cannot be read.
    """
    if source is None:
        return Annotations()
    if source.kind == "metadata":
        with (root / source.file).open("rb") as stream:
            stream.seek(source.offset)
            line = stream.read(source.length)
        if hashlib.sha256(line).hexdigest() != source.digest:
            raise FaultError("the file was changed while it was read; run again")
        return read_metadata_row(read_row(line), frame)
    try:
        document = json.loads((root / source.file).read_bytes())
    except (ValueError, RecursionError) as error:
        raise FaultError(f"not valid JSON ({getattr(error, 'msg', 'not UTF-8')}); fix or replace the file") from None
    return read_vision_document(document, frame)
