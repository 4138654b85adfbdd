"""Activation maps of one sample: how their four stages become the combined one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from db.values import Vector

SMALLEST_MAXIMUM = 1e-8  # a map whose maximum is below shows nothing but rounding (docs/definitions.md, Activation map)
STAGES = (1, 2, 3, 4)


def combine_maps(maps: Sequence[Vector]) -> Vector:
    """The mean of maps, each in 0..1, brought to the size of the first (bilinear): float32 [height, width]."""
    height, width = maps[0].shape
    sized = [Image.fromarray(one).resize((width, height), Image.Resampling.BILINEAR) for one in maps]
    mean: Vector = np.mean([np.asarray(one) for one in sized], axis=0, dtype=np.float32)
    return mean
