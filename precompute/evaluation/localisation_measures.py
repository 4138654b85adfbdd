"""Where a map points, against a mask: pointing game and energy inside, and what chance gives.

Definition: docs/definitions.md, Localisation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt

from db.values import Vector
from precompute.dataset.decoding import decode_png

TOLERANCE = 15
"""Pixels of the original: a hit lies strictly nearer to the mask (as TorchRay has it)."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class GroundTruth:
    """A mask of the upright original and how far each pixel is from it.

    Attributes:
        inside: bool [h, w].
        distance: float64 [h, w], pixels to the nearest one inside; 0 inside.
    """

    inside: npt.NDArray[np.bool_]
    distance: Floats

    @property
    def chance(self) -> tuple[float, float, float]:
        """What a point drawn anywhere, and an even map, give: pointing at 0 and 15 px, energy."""
        share = float(self.inside.mean())
        return share, float((self.distance < TOLERANCE).mean()), share


def read_mask(content: bytes) -> GroundTruth | None:
    """The stored mask, >= 128 = defect; None where it marks nothing."""
    inside = decode_png(content) >= 128
    if not inside.any():
        return None
    return GroundTruth(inside, distance_transform_edt(~inside))


def measure_maps(maps: Vector, truth: GroundTruth) -> Floats:
    """Pointing game at 0 and 15 px and energy inside the mask of maps float32 [m, h, w]: float64 [m, 3]."""
    return np.column_stack([pointing_game(maps, truth), energy_inside(maps, truth)])


def pointing_game(maps: Vector, truth: GroundTruth) -> Floats:
    """Whether each map's maximum lies in the mask (Zhang et al. 2016; the tolerance is TorchRay's).

    The point is the centre of the highest cell, the first of equals; an empty map hits nothing.

    Args:
        maps: float32 [m, h, w] >= 0 over the whole picture, of any scale.

    Returns:
        float64 [m, 2] of 0 and 1: a hit at 0 px, and strictly within 15 px of the mask.
    """
    height, width = maps.shape[1:]
    rows, columns = np.divmod(maps.reshape(len(maps), -1).argmax(axis=1), width)
    y = ((rows + 0.5) / height * truth.inside.shape[0]).astype(np.intp)
    x = ((columns + 0.5) / width * truth.inside.shape[1]).astype(np.intp)
    away = np.where(maps.max(axis=(1, 2)) > 0, truth.distance[y, x], np.inf)
    return np.stack([away == 0, away < TOLERANCE], axis=1).astype(np.float64)


def energy_inside(maps: Vector, truth: GroundTruth) -> Floats:
    """The share of each map's energy that lies inside the mask.

    Args:
        maps: float32 [m, h, w] >= 0 over the whole picture, of any scale.

    Returns:
        float64 [m] in 0..1; 0 of an empty map.
    """
    height, width = maps.shape[1:]
    energy, total = (
        np.einsum("mhw,hw->m", maps, coverage(truth, width, height)),
        maps.sum(axis=(1, 2), dtype=np.float64),
    )
    return np.asarray(np.divide(energy, total, out=np.zeros(len(maps)), where=total > 0), dtype=np.float64)


def measure_superpixels(weights: Vector, label_map: npt.NDArray[np.int32], truth: GroundTruth) -> Floats:
    """The same for a local explanation: positive weights spread over their superpixels, float64 [3].

    The point is the pixel of the best superpixel that is nearest to its centre of mass.
    """
    heat = np.maximum(weights, 0)[label_map].astype(np.float32)
    if not heat.any():
        return np.zeros(3)
    pixels = np.argwhere(label_map == weights.argmax())
    middle = pixels[np.square(pixels - pixels.mean(axis=0)).sum(axis=1).argmin()]
    y, x = ((middle + 0.5) / label_map.shape * truth.inside.shape).astype(np.intp)
    energy = energy_inside(heat[None], truth)[0]
    return np.array([truth.distance[y, x] == 0, truth.distance[y, x] < TOLERANCE, energy], dtype=np.float64)


def coverage(truth: GroundTruth, width: int, height: int) -> Vector:
    """The share of each cell of a grid over the picture that the mask covers: float32 [height, width] in 0..1."""
    rows, columns = _overlaps(height, truth.inside.shape[0]), _overlaps(width, truth.inside.shape[1])
    return np.asarray(rows @ truth.inside @ columns.T, dtype=np.float32)


def _overlaps(cells: int, pixels: int) -> Floats:
    """The share of each of so many equal cells along a side that each pixel takes up: [cells, pixels]."""
    edges, starts = np.linspace(0, pixels, cells + 1), np.arange(pixels)
    common = np.minimum(edges[1:, None], starts + 1) - np.maximum(edges[:-1, None], starts)
    return np.asarray(np.maximum(common, 0) * cells / pixels, dtype=np.float64)
