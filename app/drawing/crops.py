"""Crops of the photograph: a superpixel or an OCR polygon with the rest of its surroundings dimmed."""

from __future__ import annotations

import io
import math

import numpy as np
from PIL import Image, ImageDraw

from app.drawing.heatmaps import Polygon

DIM = 0.25
MARGIN = 0.12


def segment_crop(display: bytes, label_map: bytes, segment: int, size: int) -> bytes:
    """A superpixel's bounding box with a small margin, pixels of other superpixels dimmed.

    Args:
        display: the photograph, any size and shape; the label map is stretched over it.
        segment: a segment id; one that covers no pixel gives the whole photograph, dimmed.
        size: the longer side of the result in pixels.

    Returns:
        JPEG bytes.
    """
    with Image.open(io.BytesIO(label_map)) as labels:
        inside = Image.fromarray(np.asarray(labels) == segment).convert("L")
    return _crop(display, inside, size)


def entry_crop(display: bytes, polygon: Polygon, picture_size: tuple[int, int], size: int) -> bytes:
    """An OCR entry's bounding box with a small margin, the rest dimmed; JPEG bytes."""
    with Image.open(io.BytesIO(display)) as opened:
        inside = Image.new("L", opened.size, 0)
    across, down = inside.width / picture_size[0], inside.height / picture_size[1]
    ImageDraw.Draw(inside).polygon([(x * across, y * down) for x, y in polygon], fill=255, outline=255)
    return _crop(display, inside, size)


def _crop(display: bytes, inside: Image.Image, size: int) -> bytes:
    """`inside` = 255 where the photograph is kept, stretched over it; only its box is looked at."""
    with Image.open(io.BytesIO(display)) as photograph:
        across, down = photograph.width / inside.width, photograph.height / inside.height
        left, top, right, bottom = inside.getbbox() or (0, 0, *inside.size)
        margin = MARGIN * max((right - left) * across, (bottom - top) * down) + 2
        box = (
            max(math.floor(left * across - margin), 0),
            max(math.floor(top * down - margin), 0),
            min(math.ceil(right * across + margin), photograph.width),
            min(math.ceil(bottom * down + margin), photograph.height),
        )
        crop = photograph.crop(box).convert("RGB")
    of_mask = (box[0] / across, box[1] / down, box[2] / across, box[3] / down)
    strength = np.asarray(inside.resize(crop.size, box=of_mask), dtype=np.float32)[..., None] / 255
    kept = DIM + (1 - DIM) * strength
    crop = Image.fromarray((np.asarray(crop, dtype=np.float32) * kept + 128 * (1 - kept)).astype(np.uint8))
    crop.thumbnail((size, size))
    out = io.BytesIO()
    crop.save(out, "JPEG", quality=85)
    return out.getvalue()
