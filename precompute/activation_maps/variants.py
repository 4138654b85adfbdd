"""How activations and gradients become a map: Grad-CAM and its kin behind one call shape.

Each takes activations and gradients, float32 [b, channels, h, w], and gives maps float32 [b, h, w] >= 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

TINY = torch.finfo(torch.float32).tiny


def grad_cam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Channels weighted by their mean gradient (Selvaraju et al. 2017)."""
    return _weighted(activations, gradients.mean(dim=(2, 3)))


def grad_cam_plus_plus(activations: Tensor, gradients: Tensor) -> Tensor:
    """Channels weighted by their positive gradients, places by how few share them (Chattopadhyay et al. 2018, eq. 19).

    As in other implementations, the scalar stands in place of its exponential.
    """
    square = gradients.square()
    denominator = 2 * square + activations.sum(dim=(2, 3), keepdim=True) * square * gradients
    shares = torch.where(denominator.abs() > TINY, square / denominator, 0)
    return _weighted(activations, (shares * gradients.relu()).sum(dim=(2, 3)))


def xgrad_cam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Channels weighted by their gradient where they are active (Fu et al. 2020, eq. 8)."""
    total = activations.sum(dim=(2, 3))
    weights = (gradients * activations).sum(dim=(2, 3)) / total
    return _weighted(activations, torch.where(total.abs() > TINY, weights, 0))


def hires_cam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Gradients times activations, place by place (Draelos & Carin 2020)."""
    return torch.einsum("bchw,bchw->bhw", gradients, activations).relu()


def layer_cam(activations: Tensor, gradients: Tensor) -> Tensor:
    """The same with positive gradients only (Jiang et al. 2021)."""
    return torch.einsum("bchw,bchw->bhw", gradients.relu(), activations).relu()


def _weighted(activations: Tensor, weights: Tensor) -> Tensor:
    return torch.einsum("bc,bchw->bhw", weights, activations).relu()


VARIANTS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "grad-cam": grad_cam,
    "grad-cam++": grad_cam_plus_plus,
    "xgrad-cam": xgrad_cam,
    "hires-cam": hires_cam,
    "layer-cam": layer_cam,
}
