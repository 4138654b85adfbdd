"""The training samples in memory, and their embeddings by towers that are not trained any more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Generator, Tensor

from precompute.dataset.samples import LabelledSample, sample_picture
from precompute.models.augmentation import augment_images, drop_entries, drop_texts
from precompute.models.dual_stream import availability
from precompute.models.protocol import Entries
from precompute.models.text import cut_entries, join_entries
from precompute.models.towers import ImageTower, TextTower
from precompute.recipe import Recipe, derive_seed


class TrainingSet:
    """Samples with their classes; pictures are decoded when first needed and kept as bytes."""

    def __init__(self, samples: Sequence[LabelledSample], classes: Sequence[str], recipe: Recipe) -> None:
        index_of = {label: index for index, label in enumerate(classes)}
        self.recipe = recipe
        self.labels = torch.tensor([index_of[sample.label] for sample in samples], dtype=torch.int64)
        self.entries = [cut_entries(sample.entries, recipe.towers.text.max_words) for sample in samples]
        self.prior = torch.bincount(self.labels, minlength=len(classes)) / max(len(samples), 1)
        self._samples = list(samples)

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def pictures(self) -> Tensor:
        """uint8 [n, size, size, 3].

        Raises:
            UserError: a file is not what was ingested, or cannot be decoded.
        """
        size = self.recipe.towers.image_size
        pictures = torch.empty(len(self), size, size, 3, dtype=torch.uint8)
        for row, sample in enumerate(self._samples):
            pictures[row] = torch.from_numpy(sample_picture(sample, size).copy())
        return pictures

    @property
    def texts(self) -> list[str]:
        """All texts, for a tokenizer to learn from."""
        return [text for text in map(join_entries, self.entries) if text]

    def images(self, indices: Tensor) -> Tensor:
        """float32 [m, 3, size, size] in 0..1."""
        return self.pictures[indices].permute(0, 3, 1, 2).float() / 255


@dataclass(frozen=True)
class Embedded:
    """Embeddings of the samples (copy 0) and of augmented copies of them, each modality by itself.

    Attributes:
        images: float32 [copies, n, d].
        texts: float32 [copies, n, e].
        readable: bool [copies, n]; is anything left to read in that copy?
    """

    images: Tensor
    texts: Tensor
    readable: Tensor

    def draw(self, indices: Tensor, generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
        """A copy of each sample for each modality, drawn apart; images [m, d], texts [m, e], available [m, 2]."""
        copies, count = len(self.readable), len(indices)
        image_copy = torch.randint(copies, (count,), generator=generator)
        text_copy = torch.randint(copies, (count,), generator=generator)
        available = torch.stack([torch.ones(count, dtype=torch.bool), self.readable[text_copy, indices]], dim=1)
        return self.images[image_copy, indices], self.texts[text_copy, indices], available


def embed_images(data: TrainingSet, tower: ImageTower, step: Callable[[], None]) -> Tensor:
    """float32 [copies, n, d]: the pictures as they are, then `augmented_copies` times flipped and rotated."""
    copies = []
    for copy in range(data.recipe.training.augmented_copies + 1):
        copies.append(embed_copy(data, tower, copy))
        step()
    return torch.stack(copies)


def embed_copy(data: TrainingSet, tower: ImageTower, copy: int) -> Tensor:
    """float32 [n, d]: the pictures as they are for copy 0, else flipped and rotated as that copy has them."""
    settings = data.recipe.training
    generator = Generator().manual_seed(derive_seed(data.recipe.seed, "augmented pictures", copy))
    rows = []
    for indices in torch.split(torch.arange(len(data)), tower.execution.batch_size):
        images = data.images(indices)
        rows.append(tower.embed(augment_images(images, settings, generator) if copy else images))
    return torch.cat(rows)


def embed_texts(data: TrainingSet, tower: TextTower, step: Callable[[], None]) -> tuple[Tensor, Tensor]:
    """float32 [copies, n, e] and bool [copies, n]: the entries as read, then copies with some of them dropped."""
    settings, seed = data.recipe.training, data.recipe.seed
    copies, readable = [], []
    for copy in range(settings.augmented_copies + 1):
        generator = Generator().manual_seed(derive_seed(seed, "dropped entries", copy))
        entries: list[Entries] = data.entries
        if copy:
            entries = [drop_entries(one, settings, generator) for one in entries]
        copies.append(tower.embed(entries))
        readable.append(availability(len(entries), entries)[:, 1])
        step()
    return torch.stack(copies), torch.stack(readable)


def draw_available(available: Tensor, data: TrainingSet, generator: Generator) -> Tensor:
    """`available` with whole texts dropped as the recipe has it."""
    return drop_texts(available, data.recipe.training, generator)
