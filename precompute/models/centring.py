"""Channel means moved out of the way of bfloat16's rounding, without a change of what is computed.

bfloat16 rounds a number by up to 0.4 % of its size. Where the channels that enter a convolution have means many times
their spread (after MobileNetV2's linear bottlenecks up to 37 times), the rounding of its weights and inputs drowns the
spread. A 1x1 convolution of x is that of x - mean plus a constant, and only the spread is left to be rounded.
"""

from __future__ import annotations

import copy
from typing import cast

import torch
from torch import Tensor, nn

WORTHWHILE = 1e-4
"""Rounded weights may change a convolution's output by this share of its variance before its input is centred."""


class CentredConvolution(nn.Module):
    """`convolution` of x, computed as that of x - mean plus a constant.

    Args:
        convolution: 1x1, without padding and groups.
        mean: [channels] to take from the input.
    """

    mean: Tensor
    constant: Tensor

    def __init__(self, convolution: nn.Conv2d, mean: Tensor) -> None:
        super().__init__()
        self.convolution = convolution
        self.register_buffer("mean", mean.view(1, -1, 1, 1))
        self.register_buffer("constant", nn.functional.conv2d(self.mean, convolution.weight))

    def forward(self, images: Tensor) -> Tensor:
        return cast(Tensor, self.convolution(images - self.mean) + self.constant)


@torch.no_grad()
def centre(module: nn.Module, inputs: tuple[Tensor, ...]) -> nn.Module:
    """A copy of a float32 module, in which 1x1 convolutions that bfloat16 would harm see centred inputs.

    Args:
        inputs: an example batch; it decides what is centred and how far, never what is computed.
    """
    centred = copy.deepcopy(module).eval()
    means: dict[str, Tensor] = {}

    def measure(name: str, convolution: nn.Conv2d, images: Tensor) -> None:
        channels = images.transpose(0, 1).flatten(1)
        weight = convolution.weight.flatten(1)
        rounding = weight.bfloat16().float() - weight
        spread = (weight @ (channels - channels.mean(1, keepdim=True))).square().mean()
        harm = (rounding @ channels).square().mean()
        if harm > WORTHWHILE * spread:
            means[name] = channels.mean(1)

    pointwise = {name: part for name, part in centred.named_modules() if _is_pointwise(part)}
    handles = [
        part.register_forward_pre_hook(lambda part, args, name=name: measure(name, cast(nn.Conv2d, part), args[0]))
        for name, part in pointwise.items()
    ]
    centred(*inputs)
    for handle in handles:
        handle.remove()
    for name, mean in means.items():
        centred.set_submodule(name, CentredConvolution(cast(nn.Conv2d, pointwise[name]), mean))
    return centred


def _is_pointwise(module: nn.Module) -> bool:
    return (
        isinstance(module, nn.Conv2d)
        and module.kernel_size == (1, 1)
        and module.groups == 1
        and not any(module.padding)
    )
