"""The norm that weights of an explanation are divided by in NormLIME."""

from __future__ import annotations

import numpy as np

from db.values import Vector


def l1_norm(image_weights: Vector, text_weights: Vector) -> float:
    """‖w‖₁ of an explanation, both modalities, summed in float64 (Ahern et al. 2019)."""
    return float(np.abs(image_weights).sum(dtype=np.float64) + np.abs(text_weights).sum(dtype=np.float64))
