"""From surrogate weights to what is drawn: importances normalised over both modalities jointly (P1 §4.2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Importances:
    """What one explanation draws: a value a superpixel and a value an entry, on one scale.

    `image` and `text` are float32, in [0, 1] or, where `signed`, in [-1, 1]; the largest magnitude is 1 unless
    nothing can be drawn, when all are 0, or the scale is one that several explanations share.
    """

    image: Array
    text: Array
    signed: bool

    @property
    def empty(self) -> bool:
        """Whether nothing can be drawn at any threshold."""
        return not (self.image.any() or self.text.any())


def normalised_importances(image_weights: Array, text_weights: Array, largest: float | None = None) -> Importances:
    """Evidence for the class only: max(w, 0) / max over both modalities.

    All w <= 0 gives zeros: min-max over signed weights would paint zero evidence (docs/definitions.md, Importance).

    Args:
        largest: the weight that is drawn as 1, and any beyond it; None = this explanation's own largest.
    """
    image, text = np.maximum(image_weights, 0), np.maximum(text_weights, 0)
    return _scaled(image, text, largest, signed=False)


def signed_importances(image_weights: Array, text_weights: Array, largest: float | None = None) -> Importances:
    """Evidence for (positive) and against (negative) the class: w / max |w| over both modalities."""
    return _scaled(image_weights, text_weights, largest, signed=True)


def _scaled(image: Array, text: Array, largest: float | None, *, signed: bool) -> Importances:
    if largest is None:
        largest = max((float(np.abs(part).max()) for part in (image, text) if part.size), default=0.0)
    else:
        image, text = np.clip(image, -largest, largest), np.clip(text, -largest, largest)
    scale = 1 / largest if largest > 0 else 0.0
    return Importances((image * scale).astype(np.float32), (text * scale).astype(np.float32), signed)
