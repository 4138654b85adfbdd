"""The protocol of a model: the built-in ones and a user's own implement the same methods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from torch import Tensor

Polygon = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Entry:
    """One text read off the package; `polygon` in pixels of the upright original picture."""

    text: str
    polygon: Polygon = ()


Entries = list[Entry]


@runtime_checkable
class Model(Protocol):
    """Any classifier of a picture with its OCR entries."""

    classes: list[str]

    def predict(self, images: Tensor, entries: list[Entries]) -> Tensor:
        """Probabilities.

        Args:
            images: float32 [n, 3, h, w] in 0..1, not normalised.
            entries: n lists, each possibly empty, in reading order.

        Returns:
            float32 [n, len(classes)], rows that sum to 1, never NaN.
        """
        ...


@runtime_checkable
class DualStreamModel(Model, Protocol):
    """A model with two towers and a cheap fusion head: its towers can be evaluated apart.

    Two models whose `image_tower` (or `text_tower`) is the same object share its embeddings; None is no tower to share.
    A model of one's own may leave out both attributes, not the methods.
    """

    image_tower: object
    text_tower: object

    def embed_images(self, images: Tensor) -> Tensor:
        """float32 [n, d] embeddings of images in 0..1."""
        ...

    def embed_texts(self, entries: list[Entries]) -> Tensor:
        """float32 [n, e] embeddings; all zero for an empty list."""
        ...

    def fuse(self, image_embeddings: Tensor, text_embeddings: Tensor, available: Tensor) -> Tensor:
        """Probabilities from embeddings.

        Args:
            image_embeddings: [n, d].
            text_embeddings: [n, e].
            available: bool [n, 2], columns image and text; neither = the prior of the classes.

        Returns:
            float32 [n, len(classes)].
        """
        ...


@runtime_checkable
class CrossingModel(DualStreamModel, Protocol):
    """A dual-stream model that can pair every picture with every text without computing their parts again."""

    def fuse_crossed(self, image_embeddings: Tensor, text_embeddings: Tensor, has_text: Tensor) -> Tensor:
        """What `fuse` gives for all pairs of p pictures and q texts; a picture is always available.

        Args:
            image_embeddings: [p, d].
            text_embeddings: [q, e].
            has_text: bool [q].

        Returns:
            float32 [p, q, len(classes)], equal to `fuse` but for rounding.
        """
        ...
