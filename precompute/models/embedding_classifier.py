"""A random forest on selected values of a picture's embedding (P2 §3); the tower is used as it is, texts are not read.

A checkpoint holds what the forest was grown on, not the forest: grown again from that and the seed it is the same, and
nothing has to be unpickled.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.ensemble import RandomForestClassifier
from torch import Tensor

from db.values import Vector
from precompute.models.dual_stream import availability
from precompute.models.protocol import Entries
from precompute.models.towers import ImageTower


class EmbeddingClassifier:
    """A model (protocol.CrossingModel) of pictures alone.

    Args:
        classes: the data set's.
        tower: the feature extractor.
        tensors: `selected` int64 [k], the features, the most informative first; `train` float32 [n, k], those features
            of the train samples; `labels` int64 [n]; `prior` float32 [classes].
        trees: of the forest.
        seed: of the forest.
    """

    text_tower = None

    def __init__(
        self, classes: list[str], tower: ImageTower, tensors: dict[str, Tensor], trees: int, seed: int
    ) -> None:
        self.classes = classes
        self.image_tower = tower
        self.selected: list[int] = tensors["selected"].tolist()
        self.train: Vector = tensors["train"].numpy()
        self.labels: list[int] = tensors["labels"].tolist()
        self._prior = tensors["prior"]
        self._trees, self._seed = trees, seed
        self._forest = self.grow(len(self.selected))

    def grow(self, features: int) -> Any:
        """A forest on the first so many of the selected features."""
        forest = RandomForestClassifier(self._trees, random_state=self._seed)
        return forest.fit(self.train[:, :features], self.labels)

    def forest_probabilities(self, selected: Vector) -> Vector:
        """float32 [n, c] of the selected features [n, k]; 0 for a class that has no train sample."""
        answer = np.zeros((len(selected), len(self.classes)), np.float32)
        answer[:, self._forest.classes_] = self._forest.predict_proba(selected)
        return answer

    def predict(self, images: Tensor, entries: list[Entries]) -> Tensor:
        """Probabilities float32 [n, c]."""
        available = availability(len(images), entries)
        return self.fuse(self.embed_images(images), self.embed_texts(entries), available)

    def embed_images(self, images: Tensor) -> Tensor:
        """float32 [n, d] of pictures as floats in 0..1 or bytes in 0..255."""
        return self.image_tower.embed(images)

    def embed_texts(self, entries: list[Entries]) -> Tensor:
        """[n, 0]: no text is read."""
        return torch.zeros(len(entries), 0)

    def fuse(self, image_embeddings: Tensor, text_embeddings: Tensor, available: Tensor) -> Tensor:
        """Probabilities float32 [n, c]; the prior where there is no picture."""
        if not len(image_embeddings):
            return torch.zeros(0, len(self.classes))
        answer = torch.from_numpy(self.forest_probabilities(image_embeddings[:, self.selected].cpu().numpy()))
        return torch.where(available[:, :1].cpu(), answer, self._prior)

    def fuse_crossed(self, image_embeddings: Tensor, text_embeddings: Tensor, has_text: Tensor) -> Tensor:
        """float32 [p, q, c]: the same whatever the text."""
        pictures = torch.stack([torch.ones(len(image_embeddings)), torch.zeros(len(image_embeddings))], dim=1).bool()
        answer = self.fuse(image_embeddings, text_embeddings, pictures)
        return answer[:, None].expand(-1, len(has_text), -1)
