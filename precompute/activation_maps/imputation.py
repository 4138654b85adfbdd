"""Imputed vectors: an embedding that keeps the values of its top-ranked features (P2 Table 1), and how alike they are.

A vector is float32 [d]; `top` and `others` are indices of features, the top-ranked and the other selected ones.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

Indices = list[int]


def impute_tzz(embedding: Tensor, top: Indices, others: Indices) -> Tensor:
    """True value of the top-ranked, zero of all others."""
    return _kept(embedding, top)


def impute_toz(embedding: Tensor, top: Indices, others: Indices) -> Tensor:
    """True value of the top-ranked, one of the other selected features, zero of the rest."""
    vector = _kept(embedding, top)
    vector[others] = 1
    return vector


def impute_trr(embedding: Tensor, top: Indices, random: Tensor) -> Tensor:
    """True value of the top-ranked, a `random` one [d] of all others: P2 does not say whence, we draw from [0, 1)."""
    vector = random.clone()
    vector[top] = embedding[top]
    return vector


def impute_selected(embedding: Tensor, selected: Indices) -> Tensor:
    """True value of all selected features, zero of the rest (P2 Fig. 2 ii)."""
    return _kept(embedding, selected)


def _kept(embedding: Tensor, indices: Indices) -> Tensor:
    vector = torch.zeros_like(embedding)
    vector[indices] = embedding[indices]
    return vector


def cosine_cotangents(embeddings: Tensor, vectors: Tensor) -> Tensor:
    """The derivatives of cos(e, v) with respect to e, v held constant: (v/|v| - cos(e, v) e/|e|) / |e|.

    Args:
        embeddings: float32 [..., d].
        vectors: float32 [..., d]; a zero vector has cosine 0 and derivative 0.

    Returns:
        float32 [..., d].
    """
    length = embeddings.norm(dim=-1, keepdim=True).clamp_min(torch.finfo(embeddings.dtype).tiny)
    towards, own = functional.normalize(vectors, dim=-1), functional.normalize(embeddings, dim=-1)
    cosine = (towards * own).sum(dim=-1, keepdim=True)
    return torch.div(towards - cosine * own, length)


def image_cotangents(embeddings: Tensor) -> Tensor:
    """The derivatives of f(x)·e/|e| at f(x) = e, the picture against itself, where the cosine's own are zero."""
    return functional.normalize(embeddings, dim=-1)
