"""Superpixels: SLIC on the picture as the models see it, and the label map as a palette PNG."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from PIL import Image
from skimage.segmentation import relabel_sequential, slic

from db.read.reader import Reader
from precompute.context import RunContext
from precompute.dataset.decoding import decode_png
from precompute.dataset.samples import Pixels
from precompute.executors import Job
from precompute.recipe import ExplainSettings

LabelMap = npt.NDArray[np.int32]


def segment(picture: Pixels, settings: ExplainSettings) -> LabelMap:
    """Divide a picture into connected superpixels (P1 §4.2: SLIC, 100 requested).

    Args:
        picture: uint8 [h, w, 3].

    Returns:
        int32 [h, w] with ids 0..segments-1, each at least one pixel; one segment on a picture of one colour.
    """
    if (picture == picture[0, 0]).all():
        return np.zeros(picture.shape[:2], dtype=np.int32)
    labels = slic(
        picture, n_segments=settings.segments, compactness=settings.compactness, sigma=settings.sigma, start_label=1
    )
    return np.array(relabel_sequential(labels)[0] - 1, dtype=np.int32)


def encode_label_map(label_map: LabelMap) -> bytes:
    """The label map as PNG: a palette picture up to 255 superpixels, else 16 bit grey."""
    if label_map.max() < 255:
        picture = Image.fromarray(label_map.astype(np.uint8), "L")
        picture.putpalette([level for level in range(256) for _ in range(3)])
    else:
        picture = Image.fromarray(label_map.astype(np.uint16))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def decode_label_map(content: bytes) -> LabelMap:
    """The label map int32 [h, w] that `encode_label_map` wrote."""
    return decode_png(content).astype(np.int32)


def with_label_map(context: RunContext, job: Job) -> Job:
    """A job about a sample with the sample's superpixels as PNG, None where there are none."""
    stored = Reader(context.engine).pictures.label_map(job.payload.sample.path)
    return replace(job, payload=replace(job.payload, label_map=None if stored is None else stored.content))
