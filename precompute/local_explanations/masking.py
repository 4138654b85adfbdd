"""Masked pictures and texts, and the models' probabilities for them: every distinct one is embedded once."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from precompute.dataset.samples import Pixels
from precompute.local_explanations.sampling import Masks, Rows
from precompute.local_explanations.superpixels import LabelMap
from precompute.models.dual_stream import TowersAndHead
from precompute.models.embedding_classifier import EmbeddingClassifier
from precompute.models.prediction import tower_identity
from precompute.models.protocol import CrossingModel, DualStreamModel, Entries, Model
from precompute.models.runtimes import CPU_ROWS
from precompute.models.text import join_entries

Fill = Literal["black", "mean"]

PAIRS_AT_A_TIME = 4096
"""Pairs of embeddings that are fused at a time, which bounds the memory and keeps a processor's cache warm."""


class MaskedPicture:
    """One picture, ready to be composed with any of its superpixels removed.

    Args:
        picture: uint8 [h, w, 3].
        label_map: int [h, w] of superpixel ids.
        fill: what a removed superpixel shows: black, or its own mean colour (as in the lime package).
        device: where pictures are composed.
    """

    def __init__(self, picture: Pixels, label_map: LabelMap, fill: Fill, device: torch.device) -> None:
        self._device = device
        self._labels = torch.from_numpy(label_map.astype(np.int64)).flatten().to(device)
        self._size = label_map.shape
        pixels = torch.from_numpy(np.array(picture)).to(device).flatten(0, 1).T.contiguous()
        self._filling = None if fill == "black" else self._mean_colours(pixels)
        self._difference = pixels if self._filling is None else pixels ^ self._filling

    def _mean_colours(self, pixels: Tensor) -> Tensor:
        count = int(self._labels.max()) + 1
        sums = torch.zeros(3, count, device=self._device).index_add_(1, self._labels, pixels.float())
        means = sums / torch.bincount(self._labels, minlength=count)
        return means.round().to(torch.uint8)[:, self._labels]

    def compose(self, masks: Tensor) -> Tensor:
        """Pictures uint8 [n, 3, h, w] for bool masks [n, superpixels], True = kept."""
        pictures = torch.empty(len(masks), 3, len(self._labels), dtype=torch.uint8, device=self._device)
        for part, bits in zip(torch.split(pictures, CPU_ROWS), torch.split(masks, CPU_ROWS), strict=True):
            # Kept = all bits of a byte, so one `and` (and one `xor` where something fills) chooses the pixel.
            torch.bitwise_and(self._difference, self._spread(bits.to(torch.uint8) * 255).unsqueeze(1), out=part)
            if self._filling is not None:
                part ^= self._filling
        return pictures.reshape(len(masks), 3, *self._size)

    def _spread(self, bits: Tensor) -> Tensor:
        """From superpixels [n, superpixels] to pixels [n, h * w]."""
        if self._device.type == "cpu":  # whole rows of the transposed are read at once: many times as fast
            return torch.from_numpy(np.ascontiguousarray(np.take(bits.numpy().T, self._labels.numpy(), axis=0).T))
        return bits.pin_memory().to(self._device, non_blocking=True).index_select(1, self._labels)


def masked_entries(entries: Entries, masks: Masks) -> list[Entries]:
    """The entries that each mask [n, entries] keeps, in their order."""
    return [[entry for entry, kept in zip(entries, mask, strict=True) if kept] for mask in masks]


class Evaluator:
    """Evaluates models on one sample with features removed.

    Towers that several models share are evaluated once for all of them; an opaque model is evaluated row by row.

    Args:
        models: by name.
        batch_size: pictures composed and evaluated at a time, which bounds the memory.
        device: where the models are.

    Attributes:
        tower_seconds: time spent so far inside towers and opaque models.
    """

    def __init__(self, models: Mapping[str, Model], batch_size: int, device: torch.device) -> None:
        self.models = models
        self.batch_size = batch_size
        self.device = device
        self.tower_seconds = 0.0

    def embed(self, picture: MaskedPicture, entries: Entries, image_masks: Masks, text_masks: Masks) -> EmbeddingCache:
        """A cache for these masks; a masked picture is embedded when it is first needed."""
        return EmbeddingCache(self, picture, masked_entries(entries, text_masks), torch.from_numpy(image_masks))

    def probabilities(
        self, picture: MaskedPicture, entries: Entries, image_masks: Masks, text_masks: Masks, rows: Rows
    ) -> dict[str, Tensor]:
        """Probabilities float64 [n, classes] on the CPU of each model for rows of (image mask, text mask)."""
        cache = self.embed(picture, entries, image_masks, text_masks)
        return {name: cache.paired(name, rows) for name in self.models}

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Counts the time of a block as spent inside towers."""
        start = time.perf_counter()
        yield
        self.tower_seconds += time.perf_counter() - start


class _ImageEmbeddings:
    """Embeddings of masked pictures by one image tower, computed so far; `known` bool [count]."""

    def __init__(self, count: int) -> None:
        self.known = np.zeros(count, dtype=bool)
        self.rows = torch.empty(0)

    def add(self, indices: Rows, rows: Tensor) -> None:
        if not self.known.any():
            self.rows = torch.empty(len(self.known), *rows.shape[1:], dtype=rows.dtype, device=rows.device)
        self.rows[torch.from_numpy(indices)] = rows
        self.known[indices] = True


class EmbeddingCache:
    """Embeddings of one sample's masked pictures and texts, each computed once by each tower; heads fuse any pairs.

    Args:
        texts: the kept entries of each text mask.
        image_masks: bool [a, superpixels].

    Attributes:
        models: by name.
    """

    @torch.inference_mode()
    def __init__(self, evaluator: Evaluator, picture: MaskedPicture, texts: list[Entries], image_masks: Tensor) -> None:
        self.models = evaluator.models
        self._evaluator = evaluator
        self._picture = picture
        self._texts = texts
        self._masks = image_masks
        self._has_text = torch.tensor([bool(join_entries(kept)) for kept in texts], dtype=torch.bool)
        images: dict[int | str, _ImageEmbeddings] = {}
        embedded: dict[int | str, Tensor] = {}
        self._embeddings: dict[str, tuple[_ImageEmbeddings, Tensor]] = {}
        for name, model in evaluator.models.items():
            if not isinstance(model, DualStreamModel):
                continue
            image_tower = tower_identity(model.image_tower, name)
            text_tower = tower_identity(model.text_tower, name)
            images.setdefault(image_tower, _ImageEmbeddings(len(image_masks)))
            if text_tower not in embedded:
                with evaluator.timed():
                    embedded[text_tower] = model.embed_texts(texts)
            self._embeddings[name] = images[image_tower], embedded[text_tower]

    @torch.inference_mode()
    def embed_images(self, image: Rows) -> None:
        """Embed these masked pictures where that is not done yet; many in one call fill whole batches."""
        for name, (embedded, _) in self._embeddings.items():
            model = self.models[name]
            assert isinstance(model, DualStreamModel)
            for indices in _batches(np.unique(image[~embedded.known[image]]), self._evaluator.batch_size):
                pictures = _model_input(self._picture.compose(self._masks[torch.from_numpy(indices)]), model)
                with self._evaluator.timed():
                    embedded.add(indices, model.embed_images(pictures))

    def _dual(self, name: str, image: Rows) -> tuple[Tensor, Tensor]:
        """The embeddings of all masked pictures, those in `image` known, and of all texts."""
        self.embed_images(image)
        embedded, texts = self._embeddings[name]
        return embedded.rows, texts

    @torch.inference_mode()
    def paired(self, name: str, rows: Rows, columns: Sequence[int] | None = None) -> Tensor:
        """Probabilities float64 [n, classes] on the CPU for rows of (image mask, text mask).

        Args:
            columns: of the classes that are wanted; None = all.
        """
        kept = slice(None) if columns is None else list(columns)
        model = self.models[name]
        size = PAIRS_AT_A_TIME if name in self._embeddings else self._evaluator.batch_size
        answers = []
        for batch in torch.split(torch.from_numpy(rows), size):
            image, text = batch.unbind(1)
            if isinstance(model, DualStreamModel):
                images, texts = self._dual(name, rows[:, 0])
                available = torch.stack([torch.ones_like(text, dtype=torch.bool), self._has_text[text]], dim=1)
                answer = model.fuse(images[image], texts[text], available)
            else:
                answer = self._predict(model, image, text)
            answers.append(answer[:, kept].double().cpu())
        return torch.cat(answers)

    def _predict(self, model: Model, image: Tensor, text: Tensor) -> Tensor:
        pictures = _model_input(self._picture.compose(self._masks[image]), model)
        entries = [self._texts[index] for index in text.tolist()]
        with self._evaluator.timed():
            return model.predict(pictures, entries)

    @torch.inference_mode()
    def crossed(self, name: str, image: Rows, text: Rows, columns: Sequence[int]) -> Tensor:
        """`paired` for every image mask with every text mask: float64 [p * q, columns], image mask by image mask."""
        model = self.models[name]
        if not isinstance(model, CrossingModel):
            pairs = np.stack(np.meshgrid(image, text, indexing="ij"), axis=-1).reshape(-1, 2)
            return self.paired(name, pairs, columns)
        images, texts = self._dual(name, image)
        indices = torch.from_numpy(text)
        answers = [
            model.fuse_crossed(images[batch], texts[indices], self._has_text[indices])[..., list(columns)]
            .double()
            .cpu()
            for batch in torch.split(torch.from_numpy(image), max(1, PAIRS_AT_A_TIME // len(text)))
        ]
        return torch.cat(answers).reshape(-1, len(columns))


def _batches(indices: Rows, size: int) -> list[Rows]:
    return [indices[start : start + size] for start in range(0, len(indices), size)]


def _model_input(pictures: Tensor, model: Model) -> Tensor:
    """Bytes for the built-in models, which take them, and floats in 0..1 for others."""
    return pictures if isinstance(model, TowersAndHead | EmbeddingClassifier) else pictures.float() / 255
