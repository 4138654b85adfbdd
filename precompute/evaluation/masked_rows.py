"""Rows of masked pictures and texts that models are evaluated on; every distinct mask is embedded once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch

from precompute.local_explanations.masking import Evaluator, MaskedPicture
from precompute.local_explanations.sampling import Masks, Rows
from precompute.models.protocol import DualStreamModel, Entries, Model

Probabilities = npt.NDArray[np.float64]


class MaskedRows:
    """Pairs of an image mask and a text mask.

    Args:
        superpixels: D_i.
        entries: D_t, those that the models read.
    """

    def __init__(self, superpixels: int, entries: int) -> None:
        self._sizes = superpixels, entries
        self._image: dict[bytes, int] = {}
        self._text: dict[bytes, int] = {}
        self._rows: list[tuple[int, int]] = []

    def add(self, image: Masks, text: Masks) -> slice:
        """Add rows and say where they are; image bool [n, D_i] and text bool [n, D_t], True = kept."""
        start = len(self._rows)
        for image_mask, text_mask in zip(np.ascontiguousarray(image), np.ascontiguousarray(text), strict=True):
            index = self._image.setdefault(image_mask.tobytes(), len(self._image))
            self._rows.append((index, self._text.setdefault(text_mask.tobytes(), len(self._text))))
        return slice(start, len(self._rows))

    def evaluate(
        self,
        models: Mapping[str, Model],
        picture: MaskedPicture,
        readable: Entries,
        batch_size: int,
        device: torch.device,
    ) -> dict[str, Probabilities]:
        """Probabilities float64 [rows, classes] by model, in the order in which rows were added."""
        image, text = (self._masks(of, size) for of, size in zip((self._image, self._text), self._sizes, strict=True))
        rows: Rows = np.array(self._rows, dtype=np.intp)
        evaluator = Evaluator(models, batch_size, device)
        answers = evaluator.probabilities(picture, readable, image, text, rows)
        return {name: answer.numpy() for name, answer in answers.items()}

    @staticmethod
    def _masks(masks: Mapping[bytes, int], size: int) -> Masks:
        return np.frombuffer(b"".join(masks), dtype=bool).reshape(len(masks), size).copy()


def models_sharing_rows(models: Mapping[str, Model]) -> Sequence[dict[str, Model]]:
    """Models to evaluate together: those with towers; each opaque one alone, since every row costs it a forward."""
    towers: dict[str, Model] = {name: model for name, model in models.items() if isinstance(model, DualStreamModel)}
    alone: list[dict[str, Model]] = [{name: model} for name, model in models.items() if name not in towers]
    return [towers, *alone] if towers else alone
