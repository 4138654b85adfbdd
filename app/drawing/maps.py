"""Activation maps: small fields of values, brought smoothly to a size worth looking at (P2)."""

from __future__ import annotations

import numpy as np
from PIL import Image

from app.drawing.heatmaps import encode_values
from app.drawing.importance import Array


def draw_map(values: Array, size: tuple[int, int], threshold: float, colour_map: str) -> bytes:
    """A transparent palette PNG.

    Args:
        values: float32 [height, width] in 0..1, stretched over the whole picture.
        size: width and height of the PNG.
        threshold: values below it are not drawn.
        colour_map: one of COLOUR_MAPS.
    """
    sized = Image.fromarray(values.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)
    return encode_values(np.asarray(sized), False, threshold, colour_map)
