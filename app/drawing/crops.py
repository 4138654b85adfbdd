"""Crops of the photograph: a superpixel or an OCR polygon with the rest of its surroundings dimmed."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from app.drawing.heatmaps import Polygon

DIM, GREY = 0.25, 128
MARGIN = 0.12


def segment_crop(photograph: Image.Image, label_map: bytes, segment: int, size: int) -> Image.Image:
    """A superpixel's bounding box with a small margin, pixels of other superpixels dimmed.

    Args:
        photograph: any size and shape; the label map is stretched over it.
        segment: a segment id; one that covers no pixel gives the whole photograph, dimmed.
        size: the longer side of the result in pixels, at most.
    """
    with Image.open(io.BytesIO(label_map)) as labels:
        inside = Image.fromarray(np.asarray(labels) == segment).convert("L")
    return _crop(photograph, inside, size)


def entry_crop(photograph: Image.Image, polygon: Polygon, picture_size: tuple[int, int], size: int) -> Image.Image:
    """An OCR entry's bounding box with a small margin, the rest dimmed; `polygon` in a picture of `picture_size`."""
    inside = Image.new("L", photograph.size, 0)
    across, down = inside.width / picture_size[0], inside.height / picture_size[1]
    ImageDraw.Draw(inside).polygon([(x * across, y * down) for x, y in polygon], fill=255, outline=255)
    return _crop(photograph, inside, size)


def crop_sheet(crops: Iterable[tuple[int, int, Image.Image]], rows: int, columns: int, cell: tuple[int, int]) -> bytes:
    """Crops as (row, column, picture) in one picture of rows x columns cells, each as large as its cell lets it be.

    Args:
        cell: width and height in pixels.
    """
    sheet = Image.new("RGB", (columns * cell[0], rows * cell[1]), (GREY, GREY, GREY))
    for row, column, found in crops:
        crop = ImageOps.contain(found, cell)
        left, top = (cell[0] - crop.width) // 2, (cell[1] - crop.height) // 2
        sheet.paste(crop, (column * cell[0] + left, row * cell[1] + top))
    return encode_crop(sheet)


def encode_crop(crop: Image.Image) -> bytes:
    """As a JPEG."""
    out = io.BytesIO()
    crop.save(out, "JPEG", quality=85)
    return out.getvalue()


def _crop(photograph: Image.Image, inside: Image.Image, size: int) -> Image.Image:
    """`inside` = 255 where the photograph is kept, stretched over it; only its box is looked at."""
    across, down = photograph.width / inside.width, photograph.height / inside.height
    left, top, right, bottom = inside.getbbox() or (0, 0, *inside.size)
    margin = MARGIN * max((right - left) * across, (bottom - top) * down) + 2
    box = (
        max(math.floor(left * across - margin), 0),
        max(math.floor(top * down - margin), 0),
        min(math.ceil(right * across + margin), photograph.width),
        min(math.ceil(bottom * down + margin), photograph.height),
    )
    pixels = photograph.crop(box).convert("RGB")
    of_mask = (box[0] / across, box[1] / down, box[2] / across, box[3] / down)
    strength = np.asarray(inside.resize(pixels.size, box=of_mask), dtype=np.float32)[..., None] / 255
    kept = DIM + (1 - DIM) * strength
    crop = Image.fromarray((np.asarray(pixels, dtype=np.float32) * kept + GREY * (1 - kept)).astype(np.uint8))
    crop.thumbnail((size, size))
    return crop
