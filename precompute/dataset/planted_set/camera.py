"""A pinhole camera before the shelf, and flat pictures laid into its view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Camera:
    """Angles in radians, lengths in units of about one package height, `focal` and `centre` in pixels.

    World: x to the right, y up from the shelf board, z towards the viewer; the package stands at the origin.
    """

    turn: float
    pitch: float
    roll: float
    distance: float
    focal: float
    centre: tuple[float, float]
    target_height: float

    def project(self, points: Floats) -> Floats:
        """Pixels [n, 2] of world points [n, 3]."""
        x, y, z = points[:, 0], points[:, 1] - self.target_height, points[:, 2]
        x, z = x * np.cos(self.turn) + z * np.sin(self.turn), z * np.cos(self.turn) - x * np.sin(self.turn)
        y, z = y * np.cos(self.pitch) - z * np.sin(self.pitch), z * np.cos(self.pitch) + y * np.sin(self.pitch)
        x, y = x * np.cos(self.roll) - y * np.sin(self.roll), y * np.cos(self.roll) + x * np.sin(self.roll)
        scale = self.focal / (self.distance - z)
        return np.stack([self.centre[0] + x * scale, self.centre[1] - y * scale], axis=1)

    def rays(self, pixels: Floats) -> Floats:
        """Directions [n, 3] from the camera through pixels [n, 2]; their lengths mean nothing."""
        x, y = (pixels[:, 0] - self.centre[0]) / self.focal, (self.centre[1] - pixels[:, 1]) / self.focal
        z = np.full(len(pixels), -1.0)
        x, y = x * np.cos(self.roll) + y * np.sin(self.roll), y * np.cos(self.roll) - x * np.sin(self.roll)
        y, z = y * np.cos(self.pitch) + z * np.sin(self.pitch), z * np.cos(self.pitch) - y * np.sin(self.pitch)
        x, z = x * np.cos(self.turn) - z * np.sin(self.turn), z * np.cos(self.turn) + x * np.sin(self.turn)
        return np.stack([x, y, z], axis=1)

    @property
    def position(self) -> Floats:
        """Where the camera stands, [3]."""
        back, up = self.distance * np.cos(self.pitch), self.distance * np.sin(self.pitch)
        return np.array([-back * np.sin(self.turn), self.target_height + up, back * np.cos(self.turn)])


def lay(canvas: Image.Image, texture: Image.Image, part: Floats, corners: Floats) -> None:
    """Lay the part of a texture over four corners of the canvas, in true perspective, edges smoothed.

    Args:
        part: texture pixels [4, 2], top left, top right, bottom right, bottom left.
        corners: canvas pixels [4, 2] in the same order.
    """
    low = np.floor(corners.min(axis=0)).astype(int)
    high = np.ceil(corners.max(axis=0)).astype(int) + 1
    size = (int(high[0] - low[0]), int(high[1] - low[1]))
    patch = texture.transform(
        size, Image.Transform.PERSPECTIVE, _homography(corners - low, part).tolist(), Image.Resampling.BILINEAR
    )
    canvas.paste(patch, (int(low[0]), int(low[1])), polygon_mask(size, corners - low))


def polygon_mask(size: tuple[int, int], corners: Floats) -> Image.Image:
    """A polygon as an 8-bit mask, smoothed over 2 x 2 points a pixel."""
    mask = Image.new("L", (size[0] * 2, size[1] * 2))
    ImageDraw.Draw(mask).polygon([(2 * x, 2 * y) for x, y in corners.tolist()], fill=255)
    return mask.reduce(2)


def _homography(source: Floats, target: Floats) -> Floats:
    """The eight coefficients with which Pillow finds, for a point of `source`, its point of `target`."""
    rows, values = [], []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return np.asarray(np.linalg.solve(np.array(rows), np.array(values)))
