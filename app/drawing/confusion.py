"""A confusion matrix as a small picture, a pixel a cell, that the page enlarges."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

RIGHT = (0, 114, 178)
WRONG = (213, 94, 0)
"""Blue and vermilion of Okabe and Ito (2008): colour-blind people tell them apart."""
FAINTEST = 0.35


def confusion_picture(counts: npt.NDArray[np.int64]) -> bytes:
    """A transparent PNG of counts [k, k]: right ones (the diagonal) blue, mistakes vermilion, zero not drawn.

    Opacity grows with the share of the row's samples, from 0.35 so that a single mistake among many is seen.
    """
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    opacity = np.where(counts > 0, FAINTEST + (1 - FAINTEST) * np.sqrt(shares), 0)
    colour = np.where(np.eye(len(counts), dtype=bool)[..., None], RIGHT, WRONG)
    pixels = np.dstack([colour, np.rint(255 * opacity)]).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=9)
    return out.getvalue()
