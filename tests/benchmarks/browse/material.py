"""Photographs of the built-in sample set in P1's shape, to be used again and again by a large database."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

from db.records.written import PictureRecord
from precompute.dataset.pictures import SpriteSheet, encode, shrink
from precompute.dataset.planted_set.writer import write_planted_set
from precompute.local_explanations.superpixels import encode_label_map, segment
from precompute.recipe import ExplainSettings

ORIGINAL = (2592, 1944)
"""Pixels of P1's photographs (§4.1)."""
DISPLAY, MODEL_SIZE, THUMBNAIL = (768, 576), (256, 256), 128


@dataclass(frozen=True)
class Photograph:
    """One picture as a run stores it; `polygons` in pixels of ORIGINAL, `segments` of the label map."""

    display: PictureRecord
    thumbnail: PictureRecord
    tile: tuple[tuple[int, int], bytes]
    label_map: bytes
    segments: int
    polygons: list[list[tuple[float, float]]]


def draw_photographs(per_class: int = 4) -> list[Photograph]:
    """Photographs of all 16 classes of the sample set, stretched to P1's shape."""
    found = []
    with TemporaryDirectory() as name:
        folder = Path(name) / "dataset"
        write_planted_set(folder, train_per_class=0, test_per_class=per_class, workers=1)
        lines = (folder / "test" / "metadata.jsonl").read_text(encoding="utf-8").splitlines()
        for line in map(json.loads, lines):
            found.append(_photograph(folder / "test" / line["file_name"], line["ocr"]))
    return found


def _photograph(path: Path, readings: list[dict[str, Any]]) -> Photograph:
    with Image.open(path) as opened:
        across, down = ORIGINAL[0] / opened.width, ORIGINAL[1] / opened.height
        picture = opened.convert("RGB").resize(DISPLAY, Image.Resampling.LANCZOS)
    labels = segment(np.asarray(picture.resize(MODEL_SIZE)), ExplainSettings())
    thumbnail = shrink(picture, THUMBNAIL)
    return Photograph(
        display=encode(picture),
        thumbnail=encode(thumbnail),
        tile=(thumbnail.size, thumbnail.tobytes()),
        label_map=encode_label_map(labels),
        segments=int(labels.max()) + 1,
        polygons=[[(x * across, y * down) for x, y in reading["polygon"]] for reading in readings],
    )


def draw_sheet(photographs: list[Photograph], paths: list[str]) -> tuple[PictureRecord, dict[str, object]]:
    """The sprite sheet of a class whose samples show these photographs."""
    sheet = SpriteSheet(len(paths), THUMBNAIL)
    for photograph, path in zip(photographs, paths, strict=True):
        sheet.add(path, *photograph.tile)
    return sheet.encode()
