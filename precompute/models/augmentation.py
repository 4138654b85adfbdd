"""What training does to its samples: pictures flipped and rotated, entries and whole texts dropped (P1 §4.3)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Generator, Tensor
from torch.nn import functional

from precompute.models.protocol import Entries, Entry
from precompute.recipe import TrainingSettings

SQUARES = 10
"""In a row of the grid that `drop_regions` blackens; about as many in all as there are superpixels."""


def augment_images(images: Tensor, settings: TrainingSettings, generator: Generator) -> Tensor:
    """Flip and rotate each picture by its own draw, in one operation; what comes from outside is black.

    Args:
        images: float32 [n, 3, h, h] in 0..1.
    """
    count = len(images)
    angle = torch.deg2rad((torch.rand(count, generator=generator) * 2 - 1) * settings.rotation)
    flip_x = _signs(count, settings.horizontal_flip, generator)
    flip_y = _signs(count, settings.vertical_flip, generator)
    zero = torch.zeros(count)
    theta = torch.stack(
        [
            torch.stack([angle.cos() * flip_x, -angle.sin() * flip_y, zero], dim=1),
            torch.stack([angle.sin() * flip_x, angle.cos() * flip_y, zero], dim=1),
        ],
        dim=1,
    )
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    return drop_regions(functional.grid_sample(images, grid, align_corners=False), settings, generator)


def drop_regions(images: Tensor, settings: TrainingSettings, generator: Generator) -> Tensor:
    """Blacken up to a share `drop_regions` of each picture in squares, as explanations will do with superpixels.

    Args:
        images: float32 [n, 3, h, h] in 0..1.
    """
    if settings.drop_regions == 0:
        return images
    shares = torch.rand(len(images), 1, 1, 1, generator=generator) * settings.drop_regions
    kept = torch.rand(len(images), 1, SQUARES, SQUARES, generator=generator) >= shares
    return images * functional.interpolate(kept.float(), size=images.shape[-2:], mode="nearest")


def drop_entries(entries: Sequence[Entry], settings: TrainingSettings, generator: Generator) -> Entries:
    """Drop each entry with probability `drop_entries`; order is kept."""
    kept = torch.rand(len(entries), generator=generator) >= settings.drop_entries
    return [entry for entry, keep in zip(entries, kept.tolist(), strict=True) if keep]


def drop_texts(available: Tensor, settings: TrainingSettings, generator: Generator) -> Tensor:
    """Make the text of each row unavailable with probability `drop_text`; bool [n, 2] in and out."""
    kept = torch.rand(len(available), generator=generator) >= settings.drop_text
    return torch.stack([available[:, 0], available[:, 1] & kept], dim=1)


def _signs(count: int, wanted: bool, generator: Generator) -> Tensor:
    heads = torch.rand(count, generator=generator) < 0.5
    return torch.where(heads & wanted, -1.0, 1.0)
