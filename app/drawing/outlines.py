"""The outlines of superpixels as SVG, laid over the photograph by the page."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image


def segment_outline(label_map: bytes, segment: int) -> str:
    """SVG path data around one superpixel, as `segment_outlines`."""
    return segment_outlines(label_map, [segment])[0]


def segment_outlines(label_map: bytes, segments: Sequence[int]) -> list[str]:
    """SVG path data around each of some superpixels.

    Args:
        label_map: as in `app.drawing.heatmaps.Regions`.
        segments: segment ids.

    Returns:
        One line a pixel's side, in pixels of the label map; empty for an id that covers no pixel.
    """
    with Image.open(io.BytesIO(label_map)) as picture:
        labels = np.asarray(picture)
    return [_path(labels == segment) for segment in segments]


def _path(covered: np.ndarray) -> str:
    inside = np.pad(covered, 1)
    level = [f"M{x - 1} {y}h1" for y, x in np.argwhere(inside[1:] != inside[:-1])]
    upright = [f"M{x} {y - 1}v1" for y, x in np.argwhere(inside[:, 1:] != inside[:, :-1])]
    return "".join(level + upright)
