"""One forward of an image tower that keeps its four stages, and gradients of them for any number of scalars."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from db.errors import UserError
from precompute.models.towers import ImageBackbone

STAGES = 4


@dataclass(frozen=True)
class StagedForward:
    """The pictures' stages and their embeddings; holds the graph until it is dropped.

    Attributes:
        stages: four activations float32 [b, channels, h, w], from fine to coarse; the last is what is pooled.
        embeddings: float32 [b, d], the mean of the last stage over space.
    """

    stages: tuple[Tensor, ...]
    embeddings: Tensor

    def gradients(self, cotangents: Tensor) -> tuple[Tensor, ...]:
        """Gradients of each picture's scalar s with respect to each stage.

        The embedding is a mean, so the gradient of the last stage is known; one backward pass gives the others.

        Args:
            cotangents: ds/d(embedding), float32 [b, d].

        Returns:
            Four tensors of the stages' shapes.
        """
        last = self.stages[-1]
        area = last.shape[2] * last.shape[3]
        of_last = (cotangents / area)[:, :, None, None].expand_as(last)
        others = torch.autograd.grad(last, self.stages[:-1], of_last, retain_graph=True)
        return (*others, of_last)


def forward_stages(backbone: ImageBackbone, images: Tensor, name: str) -> StagedForward:
    """Run pictures once; no hook is set, and the tower's own parameters get no gradients.

    Args:
        images: float32 [b, 3, h, w] in 0..1.
        name: of the tower, for the message.

    Returns:
        Stage i = the last hidden state at the i-th of the four coarsest resolutions (P2 §3; see
        docs/definitions.md, Activation map).

    Raises:
        UserError: the tower has no four resolutions.
    """
    with torch.enable_grad():
        pixels = ((images - backbone.mean) / backbone.std).requires_grad_()
        answer = backbone.model(pixel_values=pixels, output_hidden_states=True)
    found: dict[tuple[int, int], Tensor] = {}
    for state in (*(answer.hidden_states or ()), answer.last_hidden_state):
        if state.dim() == 4:
            found[state.shape[2], state.shape[3]] = state
    stages = tuple(found.values())[-STAGES:]
    if answer.last_hidden_state.dim() != 4 or len(stages) < STAGES:
        raise UserError(
            f"image tower {name}: has {len(stages)} spatial resolution(s), activation maps need {STAGES}; "
            "name a convolutional network, such as microsoft/resnet-18, or larger pictures in towers.image_size"
        )
    return StagedForward(stages, answer.last_hidden_state.detach().mean(dim=(2, 3)))
