"""Masked pictures and texts, and the models' answers to them: every distinct one is evaluated once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from precompute.dataset.samples import Pixels
from precompute.local_explanations.sampling import Masks, Rows
from precompute.local_explanations.segments import LabelMap
from precompute.models.prediction import tower_identity
from precompute.models.protocol import DualStreamModel, Entries, Model
from precompute.models.text import join_entries

Fill = Literal["black", "mean"]


class MaskedPicture:
    """One picture, ready to be composed with any of its superpixels removed.

    Args:
        picture: uint8 [h, w, 3].
        label_map: int [h, w] of superpixel ids.
        fill: what a removed superpixel shows: black, or its own mean colour (as in the lime package).
        device: where pictures are composed.
    """

    def __init__(self, picture: Pixels, label_map: LabelMap, fill: Fill, device: torch.device) -> None:
        self._labels = torch.from_numpy(label_map.astype(np.int64)).to(device).flatten()
        self._size = label_map.shape
        self._pixels = torch.from_numpy(np.array(picture)).to(device).flatten(0, 1).T.float() / 255
        self._filling = torch.zeros_like(self._pixels) if fill == "black" else self._mean_colours()

    def _mean_colours(self) -> Tensor:
        count = int(self._labels.max()) + 1
        sums = torch.zeros(3, count, device=self._pixels.device).index_add_(1, self._labels, self._pixels)
        means = sums / torch.bincount(self._labels, minlength=count)
        return means[:, self._labels]

    def compose(self, masks: Tensor) -> Tensor:
        """Pictures float32 [n, 3, h, w] in 0..1 for bool masks [n, superpixels], True = kept."""
        kept = masks.to(self._labels.device).index_select(1, self._labels).unsqueeze(1)
        return torch.where(kept, self._pixels, self._filling).reshape(len(masks), 3, *self._size)


def masked_entries(entries: Entries, masks: Masks) -> list[Entries]:
    """The entries that each mask [n, entries] keeps, in their order."""
    return [[entry for entry, kept in zip(entries, mask, strict=True) if kept] for mask in masks]


class Evaluator:
    """Asks models about one sample with features removed.

    Towers that several models share are evaluated once for all of them; an opaque model is asked row by row.

    Args:
        models: by name.
        batch_size: pictures composed and evaluated at a time, which bounds the memory.
        device: where the models are.
    """

    def __init__(self, models: Mapping[str, Model], batch_size: int, device: torch.device) -> None:
        self._models = models
        self._batch_size = batch_size
        self._device = device

    @torch.inference_mode()
    def probabilities(
        self, picture: MaskedPicture, entries: Entries, image_masks: Masks, text_masks: Masks, rows: Rows
    ) -> dict[str, Tensor]:
        """Probabilities float64 [n, classes] on the CPU of each model for rows of (image mask, text mask)."""
        texts = masked_entries(entries, text_masks)
        masks = torch.from_numpy(image_masks)
        images: dict[int | str, Tensor] = {}
        embedded_texts: dict[int | str, Tensor] = {}
        answers: dict[str, Tensor] = {}
        for name, model in self._models.items():
            if isinstance(model, DualStreamModel):
                image_tower = tower_identity(model.image_tower, name)
                text_tower = tower_identity(model.text_tower, name)
                if image_tower not in images:
                    batches = torch.split(masks, self._batch_size)
                    images[image_tower] = torch.cat([model.embed_images(picture.compose(batch)) for batch in batches])
                if text_tower not in embedded_texts:
                    embedded_texts[text_tower] = model.embed_texts(texts)
                answer = self._fused(model, images[image_tower], embedded_texts[text_tower], texts, rows)
            else:
                answer = self._predicted(model, picture, masks, texts, rows)
            answers[name] = answer.double().cpu()
        return answers

    def _batches(self, rows: Rows, size: int) -> Iterator[Tensor]:
        yield from torch.split(torch.from_numpy(rows), size)

    def _fused(
        self, model: DualStreamModel, images: Tensor, texts: Tensor, entries: Sequence[Entries], rows: Rows
    ) -> Tensor:
        has_text = torch.tensor([bool(join_entries(kept)) for kept in entries], device=texts.device)
        answers = []
        for batch in self._batches(rows, 4096):
            image, text = batch.to(images.device).unbind(1)
            available = torch.stack([torch.ones_like(has_text[text]), has_text[text]], dim=1)
            answers.append(model.fuse(images[image], texts[text], available))
        return torch.cat(answers)

    def _predicted(
        self, model: Model, picture: MaskedPicture, masks: Tensor, texts: Sequence[Entries], rows: Rows
    ) -> Tensor:
        answers = []
        for batch in self._batches(rows, self._batch_size):
            image, text = batch.unbind(1)
            answers.append(model.predict(picture.compose(masks[image]), [texts[index] for index in text.tolist()]))
        return torch.cat(answers)
