"""The five heads of P1 §4.3 that turn embeddings into probabilities: two unimodal ones and three fusions."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from precompute.recipe import ModelKind


@dataclass(frozen=True)
class HeadShape:
    """Sizes of a head; widths of the embeddings it is given, `hidden` of its own layer, `classes` of its answer."""

    image: int
    text: int
    hidden: int
    classes: int
    dropout: float


class Head(nn.Module, ABC):
    """Logits from both embeddings; a row with no modality that the head can use gets the prior of the classes."""

    prior: Tensor

    def __init__(self, shape: HeadShape, prior: Tensor) -> None:
        super().__init__()
        self.shape = shape
        self.register_buffer("prior", prior.clone())

    @abstractmethod
    def forward(self, image: Tensor, text: Tensor, available: Tensor) -> Tensor:
        """Logits [n, c]; `available` bool [n, 2], columns image and text."""

    def usable(self, available: Tensor) -> Tensor:
        """bool [n]: is there any modality that this head reads?"""
        return available.any(dim=1)

    @torch.no_grad()
    def probabilities(self, image: Tensor, text: Tensor, available: Tensor) -> Tensor:
        """float32 [n, c], the prior where nothing is usable."""
        usable = self.usable(available).unsqueeze(1)
        return torch.where(usable, self(image, text, available).softmax(dim=1), self.prior)

    @torch.no_grad()
    def crossed(self, image: Tensor, text: Tensor, has_text: Tensor) -> Tensor:
        """`probabilities` of every picture with every text: float32 [p, q, c].

        Args:
            image: [p, d].
            text: [q, e].
            has_text: bool [q]; a picture is always available.
        """
        usable = self.usable(torch.stack([torch.ones_like(has_text), has_text], dim=1))
        logits = self.crossed_logits(image, text, has_text)
        return torch.where(usable[None, :, None], logits.softmax(dim=2), self.prior)

    def crossed_logits(self, image: Tensor, text: Tensor, has_text: Tensor) -> Tensor:
        """Logits [p, q, c]; heads whose first layer is a sum over modalities compute each part once."""
        pictures, texts = len(image), len(text)
        available = torch.stack([torch.ones_like(has_text), has_text], dim=1).repeat(pictures, 1)
        logits: Tensor = self(image.repeat_interleave(texts, dim=0), text.repeat(pictures, 1), available)
        return logits.reshape(pictures, texts, -1)


class ImageHead(Head):
    """The image-only model: one hidden layer, kept apart because global explanations cluster in it (P1 §3.2)."""

    def __init__(self, shape: HeadShape, prior: Tensor) -> None:
        super().__init__(shape, prior)
        self.hidden_layer = nn.Linear(shape.image, shape.hidden)
        self.output = nn.Linear(shape.hidden, shape.classes)

    def hidden(self, image: Tensor) -> Tensor:
        """float32 [n, hidden] >= 0: activations of the trained classifier's hidden layer."""
        dropped = functional.dropout(scaled(image), self.shape.dropout, self.training)
        return functional.relu(self.hidden_layer(dropped))

    def forward(self, image: Tensor, text: Tensor, available: Tensor) -> Tensor:
        return cast(Tensor, self.output(functional.dropout(self.hidden(image), self.shape.dropout, self.training)))

    def usable(self, available: Tensor) -> Tensor:
        return available[:, 0]


class TextHead(Head):
    """The text-only model."""

    def __init__(self, shape: HeadShape, prior: Tensor) -> None:
        super().__init__(shape, prior)
        self.layers = _two_layers(shape.text, shape)

    def forward(self, image: Tensor, text: Tensor, available: Tensor) -> Tensor:
        return cast(Tensor, self.layers(scaled(text)))

    def usable(self, available: Tensor) -> Tensor:
        return available[:, 1]


class FeatureConcatenation(Head):
    """Both embeddings side by side into a small network; an unavailable one is zero."""

    def __init__(self, shape: HeadShape, prior: Tensor) -> None:
        super().__init__(shape, prior)
        self.layers = _two_layers(shape.image + shape.text, shape)

    def forward(self, image: Tensor, text: Tensor, available: Tensor) -> Tensor:
        present = available.to(image.dtype)
        return cast(
            Tensor, self.layers(torch.cat([scaled(image) * present[:, :1], scaled(text) * present[:, 1:]], dim=1))
        )

    def crossed_logits(self, image: Tensor, text: Tensor, has_text: Tensor) -> Tensor:
        first, last = cast(nn.Linear, self.layers[1]), self.layers[4]
        of_image, of_text = first.weight.tensor_split([self.shape.image], dim=1)
        pictures = functional.linear(scaled(image), of_image, first.bias)
        texts = functional.linear(scaled(text) * has_text.unsqueeze(1), of_text)
        return cast(Tensor, last((pictures[:, None] + texts[None]).relu_()))


class ScoreFusion(Head):
    """The two unimodal models' logits, concatenated, into one linear layer; the log prior for an unavailable one."""

    def __init__(self, shape: HeadShape, prior: Tensor) -> None:
        super().__init__(shape, prior)
        self.image_head = ImageHead(shape, prior)
        self.text_head = TextHead(shape, prior)
        self.output = nn.Linear(2 * shape.classes, shape.classes)
        with torch.no_grad():  # from the mean of both on, it can only learn to do better
            self.output.weight.copy_(torch.eye(shape.classes).repeat(1, 2) / 2)
            self.output.bias.zero_()

    def forward(self, image: Tensor, text: Tensor, available: Tensor) -> Tensor:
        scores = []
        for head in (self.image_head, self.text_head):
            usable = head.usable(available).unsqueeze(1)
            scores.append(torch.where(usable, head(image, text, available), self._log_prior()))
        return cast(Tensor, self.output(torch.cat(scores, dim=1)))

    def crossed_logits(self, image: Tensor, text: Tensor, has_text: Tensor) -> Tensor:
        of_image, of_text = self.output.weight.chunk(2, dim=1)
        readable = torch.stack([torch.ones_like(has_text), has_text], dim=1)
        scores = torch.where(has_text.unsqueeze(1), self.text_head(image, text, readable), self._log_prior())
        seen = torch.ones(len(image), 2, dtype=torch.bool, device=image.device)
        pictures = functional.linear(self.image_head(image, text, seen), of_image, self.output.bias)
        return pictures[:, None] + functional.linear(scores, of_text)[None]

    def _log_prior(self) -> Tensor:
        return self.prior.clamp_min(1e-6).log()


class EmbraceNet(Head):
    """Choi & Lee 2019: each feature of the common vector is drawn from one modality; at inference the expectation."""

    def __init__(self, shape: HeadShape, prior: Tensor) -> None:
        super().__init__(shape, prior)
        self.image_docking = nn.Linear(shape.image, shape.hidden)
        self.text_docking = nn.Linear(shape.text, shape.hidden)
        self.output = nn.Linear(shape.hidden, shape.classes)

    def forward(self, image: Tensor, text: Tensor, available: Tensor) -> Tensor:
        return cast(Tensor, self.output(self.embrace(image, text, available)))

    def crossed_logits(self, image: Tensor, text: Tensor, has_text: Tensor) -> Tensor:
        share = modality_probabilities(torch.stack([torch.ones_like(has_text), has_text], dim=1))
        pictures = functional.linear(functional.relu(self.image_docking(scaled(image))), self.output.weight)
        texts = functional.linear(functional.relu(self.text_docking(scaled(text))), self.output.weight)
        return pictures[:, None] * share[:, 0, None] + texts * share[:, 1, None] + self.output.bias

    def embrace(self, image: Tensor, text: Tensor, available: Tensor) -> Tensor:
        """The embraced vector [n, hidden]: in training one draw a feature, else Σ p·docked."""
        rate = self.shape.dropout
        docked_image = functional.relu(self.image_docking(functional.dropout(scaled(image), rate, self.training)))
        docked_text = functional.relu(self.text_docking(functional.dropout(scaled(text), rate, self.training)))
        probabilities = modality_probabilities(available)
        if not self.training:
            return probabilities[:, :1] * docked_image + probabilities[:, 1:] * docked_text
        from_image = torch.rand_like(docked_image) < probabilities[:, :1]
        drawn = torch.where(from_image, docked_image, docked_text)
        return drawn * available.any(dim=1, keepdim=True)


def modality_probabilities(available: Tensor) -> Tensor:
    """float32 [n, 2]: equal for the available modalities, 0 for the others."""
    present = available.to(torch.float32)
    return present / present.sum(dim=1, keepdim=True).clamp_min(1)


def scaled(embeddings: Tensor) -> Tensor:
    """Each row brought to a root mean square of 1, so that both modalities weigh alike; a zero row stays zero."""
    return functional.normalize(embeddings, dim=1) * math.sqrt(embeddings.shape[1])


HEADS: dict[ModelKind, type[Head]] = {
    "image": ImageHead,
    "text": TextHead,
    "feature_concatenation": FeatureConcatenation,
    "score_fusion": ScoreFusion,
    "embracenet": EmbraceNet,
}


def _two_layers(width: int, shape: HeadShape) -> nn.Sequential:
    return nn.Sequential(
        nn.Dropout(shape.dropout),
        nn.Linear(width, shape.hidden),
        nn.ReLU(),
        nn.Dropout(shape.dropout),
        nn.Linear(shape.hidden, shape.classes),
    )
