"""Heat maps that are laid over the photograph: transparent palette PNGs, stretched to its shape by the page."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from app.drawing.colours import UNSIGNED, Bytes, colour_table, drawn, level_opacities, levels
from app.drawing.importance import Array, Importances
from app.drawing.palette import LEVELS, is_palette_png, recolour

Polygon = Sequence[tuple[float, float]]
View = Literal["image", "text", "multimodal"]


@dataclass(frozen=True)
class Regions:
    """What a heat map is drawn on: the superpixels and the OCR polygons of one sample.

    `label_map` = PNG whose pixel value = segment id, 8-bit palette or 16 bit, stretched over the whole picture;
    `polygons`, one an entry, in the pixels of a picture of `size` (width, height).
    """

    label_map: bytes
    polygons: Sequence[Polygon]
    size: tuple[int, int]


def image_heatmap(label_map: bytes, importances: Importances, threshold: float, colour_map: str = UNSIGNED) -> bytes:
    """Image view: each superpixel in the colour of its importance; of a palette PNG only the colours are replaced.

    Args:
        label_map: as in `Regions`.
        importances: `image[segment id]`.
        threshold: magnitudes below it are not drawn.
        colour_map: of unsigned importances.
    """
    if not is_palette_png(label_map):
        return encode_values(importances.image[_labels(label_map)], importances.signed, threshold, colour_map)
    opacities = np.where(drawn(importances.image, threshold), 255, 0).astype(np.uint8)
    of_parts = levels(importances.image, importances.signed)
    return recolour(label_map, colour_table(importances.signed, colour_map)[of_parts], opacities, of_parts)


def value_field(view: View, regions: Regions, importances: Importances, size: tuple[int, int]) -> Array:
    """float32 [height, width]: what each pixel of the picture, scaled to `size` (width, height), is worth.

    Where a polygon and a superpixel overlap in the multimodal view their importances add, clipped at 1 (P1 §4.2).
    """
    values = np.zeros((size[1], size[0]), np.float32)
    if view != "text":
        values += importances.image[_labels(regions.label_map, size)]
    if view != "image":
        values += polygon_values(regions, importances.text, size)
    return np.clip(values, -1, 1, out=values)


def polygon_values(regions: Regions, values: Array, size: tuple[int, int]) -> Array:
    """float32 [height, width]: the value of the polygon that covers a pixel, 0 outside; of several the strongest."""
    across, down = size[0] / regions.size[0], size[1] / regions.size[1]
    canvas = Image.new("F", size, 0.0)
    draw = ImageDraw.Draw(canvas)
    for index in np.argsort(np.abs(values), kind="stable"):
        if values[index]:
            corners = [(x * across - 0.5, y * down - 0.5) for x, y in regions.polygons[index]]
            draw.polygon(corners, fill=float(values[index]))
    return np.asarray(canvas)


def encode_values(values: Array, signed: bool, threshold: float, colour_map: str = UNSIGNED) -> bytes:
    """A palette PNG of a field of values: pixel 0 = nothing there, 1..255 = an entry of the colour table."""
    picture = Image.fromarray(levels(values, signed))
    picture.putpalette(colour_table(signed, colour_map).tobytes())
    chunks = PngInfo()
    chunks.add(LEVELS, bytes(range(256)))
    out = io.BytesIO()
    opacities = level_opacities(signed, threshold).tobytes()
    picture.save(out, "PNG", compress_level=1, transparency=opacities, pnginfo=chunks)
    return out.getvalue()


def _labels(label_map: bytes, size: tuple[int, int] | None = None) -> Bytes:
    """Segment ids [height, width], of the picture scaled to `size` (width, height) where it is given."""
    with Image.open(io.BytesIO(label_map)) as picture:
        return np.asarray(picture.resize(size, Image.Resampling.NEAREST) if size else picture)
