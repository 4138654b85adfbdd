"""The label map of superpixels as a picture that a web page can read: the segment id under the pointer."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from app.drawing.palette import is_palette_png, recolour


def readable_segments(label_map: bytes) -> bytes:
    """An opaque PNG whose pixels are segment ids: red + 256 * green.

    A browser's canvas gives colours only, and of 16-bit pictures only the upper half of each value.

    Args:
        label_map: as in `app.drawing.heatmaps.Regions`.
    """
    if is_palette_png(label_map):
        colours = np.zeros((1 << label_map[24], 3), np.uint8)  # a palette is no longer than its bits can count
        colours[:, 0] = np.arange(len(colours))
        return recolour(label_map, colours, np.full(len(colours), 255, np.uint8))
    with Image.open(io.BytesIO(label_map)) as picture:
        labels = np.asarray(picture).astype(np.uint16)
    parts = np.stack([labels & 255, labels >> 8, np.zeros_like(labels)], axis=-1)
    out = io.BytesIO()
    Image.fromarray(parts.astype(np.uint8)).save(out, "PNG", compress_level=1)
    return out.getvalue()
