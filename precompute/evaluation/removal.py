"""What is removed for comparison in the deletion test: as many other entries, or nearby superpixels of like size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from precompute.local_explanations.superpixels import LabelMap

NEAR = 8
"""A removed superpixel is compared with one drawn from so many: the nearest of like size."""
LIKE_SIZE = 2.0
"""Of like size: at most so many times larger or smaller."""


def draw_entries(entries: int, removed: Sequence[int], generator: np.random.Generator) -> list[int]:
    """As many other entries as were removed, drawn without replacement; fewer where there are fewer."""
    others = np.setdiff1d(np.arange(entries), removed)
    return sorted(generator.choice(others, min(len(removed), len(others)), replace=False).tolist())


def draw_superpixels(candidates: Sequence[Sequence[int]], generator: np.random.Generator) -> list[int]:
    """For each removed superpixel one of its `NEAR` first candidates, see `nearby_superpixels`, not drawn yet."""
    drawn: list[int] = []
    for of_one in candidates:
        free = [superpixel for superpixel in of_one if superpixel not in drawn][:NEAR]
        if free:
            drawn.append(free[generator.integers(len(free))])
    return sorted(drawn)


def nearby_superpixels(label_map: LabelMap, removed: Sequence[int]) -> list[list[int]]:
    """For each removed superpixel all that are not removed, those of like size first, nearer ones first.

    Args:
        label_map: int [h, w] of ids 0..D_i-1, each of which occurs.
        removed: ids.

    Returns:
        Lists of ids, one a removed superpixel. Source: P1 §5.2: "nearby regions of the same size"; numbers ours.
    """
    sizes = np.bincount(label_map.ravel())
    rows, columns = np.indices(label_map.shape)
    centres = np.stack(
        [np.bincount(label_map.ravel(), weights=axis.ravel()) / sizes for axis in (rows, columns)], axis=1
    )
    kept = np.setdiff1d(np.arange(len(sizes)), removed)
    orders = []
    for superpixel in removed:
        ratio = sizes[kept] / sizes[superpixel]
        unlike = (ratio > LIKE_SIZE) | (ratio < 1 / LIKE_SIZE)
        distance = np.hypot(*(centres[kept] - centres[superpixel]).T)
        orders.append([int(kept[index]) for index in np.lexsort((kept, distance, unlike))])
    return orders
