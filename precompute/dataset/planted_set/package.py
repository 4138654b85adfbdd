"""Packages in space: their sizes, where the pixels of their labels lie, and the light on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from precompute.dataset.planted_set.camera import Floats
from precompute.dataset.planted_set.label import side
from precompute.dataset.planted_set.layouts import PANELS, WRAPS
from precompute.dataset.planted_set.products import Product, Shape

# Width, depth and height; for round packages the radius below, the radius above and the height.
SIZES: dict[Shape, tuple[float, float, float]] = {
    "gable": (0.78, 0.62, 0.955),
    "box": (0.84, 0.36, 1.03),
    "pot": (0.42, 0.51, 0.76),
    "can": (0.435, 0.435, 0.94),
}
GABLE, FIN = 0.21, 0.075


@dataclass(frozen=True)
class Light:
    """`direction` points to the lamp, [3], length 1; `ambient` is what reaches a face turned away, in 0..1."""

    direction: Floats
    ambient: float

    def on(self, normals: Floats) -> Floats:
        """Brightness [n] of surfaces with unit normals [n, 3]."""
        return np.asarray(self.ambient + (1 - self.ambient) * np.clip(normals @ self.direction, 0, None))


@dataclass(frozen=True)
class Package:
    """A product standing at the origin, turned by `yaw` radians."""

    product: Product
    yaw: float

    def turn(self, points: Floats) -> Floats:
        """World points of points in the package's own axes, both [n, 3]."""
        return turned(points, self.yaw)

    def on_front(self, pixels: Floats) -> Floats:
        """World points [n, 3] of pixels [n, 2] of the front label."""
        shape = self.product.look.shape
        wide, deep, high = SIZES[shape]
        across, down = pixels[:, 0] / WRAPS[shape], pixels[:, 1] / PANELS[shape][1]
        if shape in ("gable", "box"):
            flat = np.stack([(across - 0.5) * wide, (1 - down) * high, np.full(len(pixels), deep / 2)], axis=1)
            return self.turn(flat)
        angle = (across - 0.5) * wrap_angle(shape)
        radius = deep + (wide - deep) * down
        return self.turn(np.stack([radius * np.sin(angle), (1 - down) * high, radius * np.cos(angle)], axis=1))

    def on_side(self, pixels: Floats) -> Floats:
        """World points [n, 3] of pixels [n, 2] of the visible side label of a carton."""
        shape = self.product.look.shape
        wide, deep, high = SIZES[shape]
        texture = side(self.product.look).picture
        across, down = pixels[:, 0] / texture.width - 0.5, pixels[:, 1] / texture.height
        hand = self.visible_hand
        points = np.stack([np.full(len(pixels), hand * wide / 2), (1 - down) * high, -hand * across * deep], axis=1)
        return self.turn(points)

    @property
    def visible_hand(self) -> int:
        """+1 where the right side of a carton can be seen, -1 where the left one can."""
        return 1 if self.yaw < 0 else -1


def footprint(shape: Shape, yaw: float) -> Floats:
    """The outline of a package on the board, [n, 3] in world points."""
    wide, deep, _ = SIZES[shape]
    if shape in ("gable", "box"):
        return turned(np.array([(x * wide / 2, 0, z * deep / 2) for x, z in ((-1, 1), (1, 1), (1, -1), (-1, -1))]), yaw)
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    return np.stack([wide * np.sin(angles), 0 * angles, wide * np.cos(angles)], axis=1)


def turned(points: Floats, yaw: float) -> Floats:
    """Points [n, 3] turned by `yaw` radians round the upright axis."""
    x, z = points[:, 0], points[:, 2]
    c, s = np.cos(yaw), np.sin(yaw)
    return np.stack([x * c + z * s, points[:, 1], z * c - x * s], axis=1)


def height_of(shape: Shape) -> float:
    """Height in the world's units, the gable included."""
    return SIZES[shape][2] + (GABLE + FIN if shape == "gable" else 0)


def wrap_angle(shape: Shape) -> float:
    """How far the label reaches round a pot or can, in radians: its front panel is as wide as it is drawn."""
    below, above, high = SIZES[shape]
    return WRAPS[shape] / PANELS[shape][1] * high / ((below + above) / 2)
