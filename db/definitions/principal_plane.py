"""Points of many dimensions laid out on a plane: their first two principal components."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]


def principal_plane(points: Array) -> npt.NDArray[np.float64]:
    """float64 [n, 2]: where each point lies on the plane that shows most of the variance, both axes on one scale.

    The larger spread fills 0..1, the other is centred. Each axis points to where its largest loading is positive, so
    that the same points always give the same picture.

    Args:
        points: [n, d]; fewer than 2 lie in the middle.
    """
    placed = np.full((len(points), 2), 0.5)
    if len(points) < 2:
        return placed
    centred = points.astype(np.float64) - points.mean(axis=0, dtype=np.float64)
    axes = np.linalg.svd(centred, full_matrices=False)[2][:2]
    axes = axes * np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])[:, None]
    plane = centred @ axes.T
    low, high = plane.min(axis=0), plane.max(axis=0)
    spread = float((high - low).max())
    if spread > 0:
        placed[:, : plane.shape[1]] = 0.5 + (plane - (low + high) / 2) / spread
    return placed
