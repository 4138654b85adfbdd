"""All maps of a batch of pictures: one forward, one backward pass a scalar, however many stages and variants."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from precompute.activation_maps.tower_stages import StagedForward
from precompute.activation_maps.variants import VARIANTS


def activation_maps(
    forward: StagedForward, cotangents: Tensor, variants: Sequence[str]
) -> dict[tuple[str, int], Tensor]:
    """Maps before scaling.

    Args:
        cotangents: of m scalars a picture, float32 [b, m, d].
        variants: names in VARIANTS.

    Returns:
        For each variant and stage 1..4 float32 [b, m, h, w] >= 0.
    """
    found: dict[tuple[str, int], list[Tensor]] = {}
    activations = [stage.detach() for stage in forward.stages]
    for scalar in cotangents.unbind(dim=1):
        gradients = forward.gradients(scalar)
        for stage, (activation, gradient) in enumerate(zip(activations, gradients, strict=True), start=1):
            for variant in variants:
                found.setdefault((variant, stage), []).append(VARIANTS[variant](activation, gradient))
    return {key: torch.stack(maps, dim=1) for key, maps in found.items()}
