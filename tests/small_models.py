"""Small models of one's own with random weights: one opaque, the others with two towers, the same function."""

from __future__ import annotations

import torch
from torch import Tensor

from precompute.models.protocol import Entries

WORDS = ("milk", "sour", "oat", "1,5%", "lactose")


def _bag(entries: Entries) -> Tensor:
    text = " ".join(entry.text for entry in entries).lower()
    return torch.tensor([float(text.count(word)) for word in WORDS])


class SmallOpaqueModel:
    """Mean colours of a 4x4 grid and a bag of five words, through one random layer."""

    def __init__(self, classes: list[str] | None = None, seed: int = 0) -> None:
        self.classes = classes or ["a", "b", "c"]
        generator = torch.Generator().manual_seed(seed)
        self._image = torch.randn(48, len(self.classes), generator=generator)
        self._text = torch.randn(len(WORDS), len(self.classes), generator=generator)

    def predict(self, images: Tensor, entries: list[Entries]) -> Tensor:
        pooled = torch.nn.functional.adaptive_avg_pool2d(images, 4).flatten(1)
        words = torch.stack([_bag(entry) for entry in entries])
        return torch.softmax(pooled @ self._image + words @ self._text, dim=1)


class SmallDualModel(SmallOpaqueModel):
    """The same function with its towers apart; counts what each tower is asked."""

    def __init__(self, classes: list[str] | None = None, seed: int = 0) -> None:
        super().__init__(classes, seed)
        self.image_tower: object = self
        self.text_tower: object = self
        self.images_embedded = 0
        self.texts_embedded = 0

    def embed_images(self, images: Tensor) -> Tensor:
        self.images_embedded += len(images)
        return torch.nn.functional.adaptive_avg_pool2d(images, 4).flatten(1)

    def embed_texts(self, entries: list[Entries]) -> Tensor:
        self.texts_embedded += len(entries)
        return torch.stack([_bag(entry) for entry in entries])

    def fuse(self, image_embeddings: Tensor, text_embeddings: Tensor, available: Tensor) -> Tensor:
        assert available.shape == (len(image_embeddings), 2)
        return torch.softmax(image_embeddings @ self._image + text_embeddings @ self._text, dim=1)


class SmallUnnamedDualModel(SmallDualModel):
    """The same with methods alone: it names no tower that another model could share."""

    def __init__(self) -> None:
        super().__init__()
        del self.image_tower, self.text_tower
