"""The outline of a superpixel as SVG, laid over the photograph by the page."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image


def segment_outline(label_map: bytes, segment: int) -> str:
    """SVG path data around a superpixel.

    Args:
        label_map: as in `app.drawing.heatmaps.Ground`.
        segment: a segment id.

    Returns:
        One line a pixel's side, in pixels of the label map; empty for an id that covers no pixel.
    """
    with Image.open(io.BytesIO(label_map)) as picture:
        inside = np.pad(np.asarray(picture) == segment, 1)
    level = [f"M{x - 1} {y}h1" for y, x in np.argwhere(inside[1:] != inside[:-1])]
    upright = [f"M{x} {y - 1}v1" for y, x in np.argwhere(inside[:, 1:] != inside[:, :-1])]
    return "".join(level + upright)
