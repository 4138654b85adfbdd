"""Crops of the photograph: a superpixel or an OCR polygon with the rest of its surroundings dimmed."""

from __future__ import annotations

import io

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
    with Image.open(io.BytesIO(display)) as opened, Image.open(io.BytesIO(label_map)) as labels:
        photograph = opened.convert("RGB")
        inside = Image.fromarray(np.asarray(labels) == segment).convert("L").resize(photograph.size)
    return _crop(photograph, inside, size)


def entry_crop(display: bytes, polygon: Polygon, picture_size: tuple[int, int], size: int) -> bytes:
    """An OCR entry's bounding box with a small margin, the rest dimmed; JPEG bytes."""
    with Image.open(io.BytesIO(display)) as opened:
        photograph = opened.convert("RGB")
    across, down = photograph.width / picture_size[0], photograph.height / picture_size[1]
    inside = Image.new("L", photograph.size, 0)
    ImageDraw.Draw(inside).polygon([(x * across, y * down) for x, y in polygon], fill=255, outline=255)
    return _crop(photograph, inside, size)


def _crop(photograph: Image.Image, inside: Image.Image, size: int) -> bytes:
    left, top, right, bottom = inside.getbbox() or (0, 0, *photograph.size)
    margin = round(MARGIN * max(right - left, bottom - top)) + 2
    box = (
        max(left - margin, 0),
        max(top - margin, 0),
        min(right + margin, photograph.width),
        min(bottom + margin, photograph.height),
    )
    pixels = np.asarray(photograph.crop(box), dtype=np.float32)
    strength = np.asarray(inside.crop(box), dtype=np.float32)[..., None] / 255
    kept = DIM + (1 - DIM) * strength
    crop = Image.fromarray((pixels * kept + 128 * (1 - kept)).astype(np.uint8))
    crop.thumbnail((size, size))
    out = io.BytesIO()
    crop.save(out, "JPEG", quality=85)
    return out.getvalue()
