"""Squares of training pictures go black, never more than asked for on average, and the rest stays as it was."""

from __future__ import annotations

import torch

from precompute.models.augmentation import SQUARES, drop_regions
from precompute.recipe import TrainingSettings


def _dropped(share: float) -> tuple[torch.Tensor, torch.Tensor]:
    images = torch.rand(64, 3, 60, 60, generator=torch.Generator().manual_seed(1)) * 0.9 + 0.1
    settings = TrainingSettings(drop_regions=share)
    return images, drop_regions(images, settings, torch.Generator().manual_seed(2))


def test_squares_are_black_or_untouched() -> None:
    images, dropped = _dropped(0.7)
    side = 60 // SQUARES
    for image, after in zip(images, dropped, strict=True):
        for row in range(SQUARES):
            for column in range(SQUARES):
                place = (slice(None), slice(row * side, (row + 1) * side), slice(column * side, (column + 1) * side))
                assert torch.equal(after[place], image[place]) or not after[place].any()


def test_each_picture_loses_a_share_of_its_own_up_to_the_setting() -> None:
    _, dropped = _dropped(0.7)
    lost = (dropped[:, 0] == 0).float().mean(dim=(1, 2))
    assert abs(lost.mean().item() - 0.35) < 0.06  # a uniform share in [0, 0.7) has mean 0.35
    assert lost.min() < 0.1
    assert lost.max() > 0.55


def test_no_share_changes_nothing() -> None:
    images, dropped = _dropped(0.0)
    assert torch.equal(images, dropped)
