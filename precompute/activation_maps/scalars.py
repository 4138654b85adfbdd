"""The scalars that maps are made of: their names, and their derivatives with respect to the embedding.

A scalar's cotangent float32 [d] is all that the backward pass needs, so cosines with imputed vectors and class
probabilities go through the same backward passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from precompute.activation_maps.imputation import (
    cosine_cotangents,
    image_cotangents,
    impute_selected,
    impute_toz,
    impute_trr,
    impute_tzz,
)
from precompute.models.dual_stream import TowersAndHead
from precompute.recipe import derive_seed


@dataclass(frozen=True)
class Scalar:
    """The scalar that a map is the Grad-CAM of (db/README.md, activation_map).

    `cosine` = that with the imputed vector, None of a probability.
    """

    target: str
    strategy: str
    top: int
    cosine: float | None = None


@dataclass(frozen=True)
class Scalars:
    """The scalars of one sample with their cotangents float32 [m, d]."""

    scalars: list[Scalar]
    cotangents: Tensor


def forecast_scalars(
    embedding: Tensor, ranked: Sequence[int], tops: Sequence[int], seed: int, source: Tensor | None = None
) -> Scalars:
    """All strategies of P2 Table 1 and Fig. 2 for the features that a forecast rests on, and the picture itself.

    Args:
        embedding: float32 [d].
        ranked: the selected features, the top-ranked first.
        tops: numbers of top-ranked features to keep; those above the number of selected ones are left out.
        seed: of the random values of TRR, which are the same for all numbers of features.
        source: whose values the vectors take, another sample's embedding (P2 §2); None = this one's.
    """
    own = embedding if source is None else source
    random = torch.from_numpy(np.random.default_rng(seed).random(len(embedding), dtype=np.float32)).to(embedding)
    chosen = numbers_of_features(tops, len(ranked))
    vectors = {("TZZ", n): impute_tzz(own, list(ranked[:n]), list(ranked[n:])) for n in chosen}
    vectors |= {("TOZ", n): impute_toz(own, list(ranked[:n]), list(ranked[n:])) for n in chosen}
    vectors |= {("TRR", n): impute_trr(own, list(ranked[:n]), random) for n in chosen}
    vectors["selected", 0] = impute_selected(own, list(ranked))
    found = _cosines("forecast", embedding, vectors)
    itself = functional.cosine_similarity(embedding, own, dim=0)
    of_image = image_cotangents(own) if source is None else cosine_cotangents(embedding, own)
    return Scalars(
        [*found.scalars, Scalar("forecast", "image", 0, float(itself))], torch.cat([found.cotangents, of_image[None]])
    )


def class_scalars(embedding: Tensor, ranked: Sequence[int], tops: Sequence[int]) -> Scalars:
    """TZZ with the features that are ranked highest over a whole class (P2 §5)."""
    chosen = numbers_of_features(tops, len(ranked))
    return _cosines("class", embedding, {("TZZ", n): impute_tzz(embedding, list(ranked[:n]), []) for n in chosen})


def numbers_of_features(tops: Sequence[int], selected: int) -> list[int]:
    """The numbers that there are enough selected features for; all of them where there are fewer than any number."""
    return sorted({n for n in tops if n <= selected}) or [selected]


def _cosines(target: str, embedding: Tensor, vectors: dict[tuple[str, int], Tensor]) -> Scalars:
    stacked = torch.stack(list(vectors.values()))
    cosines = functional.cosine_similarity(embedding[None], stacked, dim=1).tolist()
    scalars = [Scalar(target, *name, cosine) for name, cosine in zip(vectors, cosines, strict=True)]
    return Scalars(scalars, cosine_cotangents(embedding.expand_as(stacked), stacked))


def probability_cotangents(model: TowersAndHead, embeddings: Tensor, texts: Tensor, available: Tensor) -> Tensor:
    """The derivatives of each class's probability with respect to the picture's embedding: float32 [b, classes, d].

    Args:
        embeddings: float32 [b, d].
        texts: float32 [b, e].
        available: bool [b, 2].
    """
    with torch.enable_grad():
        given = embeddings.detach().requires_grad_()
        probabilities = model.head(given, texts, available).softmax(dim=1)
        columns = [torch.autograd.grad(one.sum(), given, retain_graph=True)[0] for one in probabilities.unbind(dim=1)]
    return torch.stack(columns, dim=1)


def random_seed(run_seed: int, model: str, path: str) -> int:
    """The seed of TRR's random values."""
    return derive_seed("activation", run_seed, model, path)
