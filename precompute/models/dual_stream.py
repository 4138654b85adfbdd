"""The built-in models: two towers and a head."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from precompute.models.fusions import Head, ImageHead
from precompute.models.protocol import Entries
from precompute.models.text import join_entries
from precompute.models.towers import ImageTower, TextTower


class TowersAndHead:
    """A model of P1 §4.3; a unimodal one has no tower for the other stream and embeds it in no values."""

    def __init__(
        self, classes: list[str], head: Head, image_tower: ImageTower | None, text_tower: TextTower | None
    ) -> None:
        self.classes = classes
        self.head = head.eval()
        self.image_tower = image_tower
        self.text_tower = text_tower
        self._device = head.prior.device

    def predict(self, images: Tensor, entries: list[Entries]) -> Tensor:
        """Probabilities float32 [n, c] (protocol.Model)."""
        available = availability(len(images), entries)
        return self.fuse(self.embed_images(images), self.embed_texts(entries), available)

    def embed_images(self, images: Tensor) -> Tensor:
        """float32 [n, d] of pictures as floats in 0..1 or bytes in 0..255; [n, 0] where the model reads none."""
        return torch.zeros(len(images), 0) if self.image_tower is None else self.image_tower.embed(images)

    def embed_texts(self, entries: list[Entries]) -> Tensor:
        """float32 [n, e], zero for an empty list, or [n, 0] where the model reads no texts."""
        return torch.zeros(len(entries), 0) if self.text_tower is None else self.text_tower.embed(entries)

    def fuse(self, image_embeddings: Tensor, text_embeddings: Tensor, available: Tensor) -> Tensor:
        """Probabilities float32 [n, c] on the CPU (protocol.DualStreamModel); runs on the head's device."""
        moved = [tensor.to(self._device) for tensor in (image_embeddings, text_embeddings, available)]
        return self.head.probabilities(*moved).cpu()

    def fuse_crossed(self, image_embeddings: Tensor, text_embeddings: Tensor, has_text: Tensor) -> Tensor:
        """float32 [p, q, c] of every picture with every text (protocol.CrossingModel), on the head's device."""
        moved = [tensor.to(self._device) for tensor in (image_embeddings, text_embeddings, has_text)]
        return self.head.crossed(*moved)

    def hidden(self, image_embeddings: Tensor) -> Tensor:
        """float32 [n, width]: the hidden layer of the image model, for global explanations (P1 §3.2).

        Raises:
            TypeError: this is not the image model.
        """
        if not isinstance(self.head, ImageHead):
            raise TypeError("only the image model has a hidden layer of pictures alone")
        with torch.no_grad():
            return self.head.hidden(image_embeddings.to(self._device)).cpu()


def availability(images: int, entries: Sequence[Entries]) -> Tensor:
    """bool [n, 2]: a picture is always there, a text only where there is something to read."""
    texts = torch.tensor([bool(join_entries(one)) for one in entries], dtype=torch.bool)
    return torch.stack([torch.ones(images, dtype=torch.bool), texts.reshape(images)], dim=1)
