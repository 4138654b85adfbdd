"""From surrogate weights to what is drawn: importances normalised over both modalities jointly (P1 §4.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

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


class Weighted(Protocol):
    """An explanation: float32 surrogate weights, one a superpixel and one an OCR entry."""

    @property
    def image_weights(self) -> Array:
        """By segment id."""

    @property
    def text_weights(self) -> Array:
        """By position of the entry."""


@dataclass(frozen=True)
class BothImportances:
    """The importances of one explanation as both switches of the page draw them: evidence in favour, and signed."""

    unsigned: Importances
    signed: Importances


def importances_of(explanation: Weighted, signed: bool, largest: float | None = None) -> Importances:
    """What an explanation draws; `largest` = the weight that is drawn as 1 where several share a scale."""
    make = signed_importances if signed else normalised_importances
    return make(explanation.image_weights, explanation.text_weights, largest)


def both_importances(
    explanation: Weighted, largest: float | None = None, largest_signed: float | None = None
) -> BothImportances:
    """Both at once, for what shows them side by side; the scales as in `importances_of`."""
    return BothImportances(
        importances_of(explanation, False, largest), importances_of(explanation, True, largest_signed)
    )


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
