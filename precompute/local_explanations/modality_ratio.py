"""The modality ratio: how much of an explanation's weight lies on the picture (P1 §5.1, Fig. 6; formula ours)."""

from __future__ import annotations

import numpy as np

from db.values import Vector


def image_share(image_weights: Vector, text_weights: Vector) -> float | None:
    """Share of the absolute weights that lies on the picture: Σ|w_image| / (Σ|w_image| + Σ|w_text|).

    Args:
        image_weights: one weight a superpixel.
        text_weights: one weight an entry, possibly none.

    Returns:
        A number in 0..1; None when all weights are 0. Source: docs/definitions.md, Modality share.
    """
    return _share(np.abs(image_weights), np.abs(text_weights))


def image_share_positive(image_weights: Vector, text_weights: Vector) -> float | None:
    """`image_share` over the evidence for the class alone: max(w, 0) for |w|; None when no weight is above 0."""
    return _share(np.maximum(image_weights, 0), np.maximum(text_weights, 0))


def _share(image: Vector, text: Vector) -> float | None:
    on_image = float(np.sum(image, dtype=np.float64))
    on_text = float(np.sum(text, dtype=np.float64))
    return on_image / (on_image + on_text) if on_image + on_text > 0 else None
