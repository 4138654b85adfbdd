"""Towers and head as one network, trained together on augmented pictures and thinned-out entries."""

from __future__ import annotations

from typing import cast

import torch
from torch import Generator, Tensor, nn

from precompute.models.augmentation import augment_images, drop_entries, drop_texts
from precompute.models.dual_stream import availability
from precompute.models.fusions import Head
from precompute.models.protocol import Entries
from precompute.models.text import join_entries
from precompute.models.towers import ImageTower, TextTower, pad_tokens
from precompute.models.training_data import TrainingSet


class EndToEnd(nn.Module):
    """A model's towers and head; a tower that the head does not read is left out."""

    def __init__(self, image_tower: ImageTower | None, text_tower: TextTower | None, head: Head) -> None:
        super().__init__()
        self.head = head
        self._text_tower = text_tower
        if image_tower is not None:
            self.image_tower = image_tower.backbone
        if text_tower is not None:
            self.text_tower = text_tower.backbone

    def forward(self, images: Tensor, entries: list[Entries], available: Tensor) -> Tensor:
        """Logits [n, c] of images [n, 3, h, w] in 0..1 and n lists of entries."""
        image = self.image_tower(images) if hasattr(self, "image_tower") else images.new_zeros(len(images), 0)
        return cast(Tensor, self.head(image, self._embed_texts(entries, available, images), available))

    def _embed_texts(self, entries: list[Entries], available: Tensor, images: Tensor) -> Tensor:
        if self._text_tower is None:
            return images.new_zeros(len(entries), 0)
        embeddings = images.new_zeros(len(entries), self._text_tower.width)
        rows = available[:, 1].nonzero().flatten().tolist()
        if not rows:
            return embeddings
        ids = self._text_tower.token_ids([join_entries(entries[row]) for row in rows])
        inputs = [tensor.to(images.device) for tensor in pad_tokens(ids, max(map(len, ids)))]
        embeddings[rows] = self.text_tower(*inputs)
        return embeddings


def augmented_logits(
    network: EndToEnd, data: TrainingSet, device: str, indices: Tensor, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Logits and labels of one batch, augmented by the recipe; samples that the head cannot read are left out."""
    settings = data.recipe.training
    entries = [drop_entries(data.entries[index], settings, generator) for index in indices.tolist()]
    available = drop_texts(availability(len(indices), entries), settings, generator)
    usable = network.head.usable(available)
    chosen = usable.nonzero().flatten().tolist()
    if not chosen:
        return torch.zeros(0, 0), torch.zeros(0, dtype=torch.int64)
    size = data.recipe.towers.image_size
    if hasattr(network, "image_tower"):
        images = augment_images(data.images(indices[usable]), settings, generator)
    else:
        images = torch.zeros(len(chosen), 3, 1, 1).expand(-1, -1, size, size)  # takes no memory
    images = images.to(device).contiguous(memory_format=torch.channels_last)
    logits = network(images, [entries[row] for row in chosen], available[usable].to(device))
    return logits, data.labels[indices[usable]].to(device)
