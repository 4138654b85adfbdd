"""Polygons: read from untrusted data, clipped to the picture, turned upright with it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from precompute.dataset.faults import FaultError

Point = tuple[float, float]
Polygon = tuple[Point, ...]

MAX_COORDINATE = 1e6  # beyond any picture; keeps products of coordinates finite
MIN_AREA = 1e-6  # square pixels; below that a polygon is a line but for rounding


@dataclass(frozen=True)
class Frame:
    """The pixel frame that a picture is stored in: its size before, and its EXIF orientation (1..8)."""

    width: int
    height: int
    orientation: int = 1

    @property
    def upright_size(self) -> tuple[int, int]:
        """(width, height) of the picture turned upright."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)

    def to_upright(self, polygon: Sequence[Point]) -> Polygon:
        """The polygon clipped to the picture and turned upright with it (docs/definitions.md, Sample).

        Raises:
            FaultError: nothing of it is left inside the picture, or it has no area.
        """
        clipped = clip(polygon, self.width, self.height)
        if area(clipped) < MIN_AREA:
            raise FaultError(f"the polygon has no area inside the {self.width}x{self.height} picture")
        return tuple(turn_upright(point, self) for point in clipped)


def read_polygon(value: object) -> Polygon:
    """Points of a polygon given as `[[x, y], ...]`.

    Raises:
        FaultError: fewer than three points, or a point that is not two finite numbers.
    """
    if not isinstance(value, list) or len(value) < 3:
        raise FaultError("a polygon is a list of at least three [x, y] points")
    return tuple(_read_point(point) for point in value)


def _read_point(value: object) -> Point:
    if not isinstance(value, list) or len(value) != 2:
        raise FaultError("a point of a polygon is [x, y]")
    x, y = value
    if not (is_coordinate(x) and is_coordinate(y)):
        raise FaultError("coordinates of a polygon are finite numbers of pixels")
    return float(x), float(y)


def is_coordinate(value: object) -> bool:
    """Whether a JSON value is a number that can be a place in a picture."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MAX_COORDINATE


def area(polygon: Sequence[Point]) -> float:
    """Area in square pixels (shoelace formula), not negative; 0 for fewer than three points."""
    following = [*polygon[1:], *polygon[:1]]
    return abs(math.fsum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(polygon, following, strict=True))) / 2


def clip(polygon: Sequence[Point], width: float, height: float) -> Polygon:
    """The part of a polygon inside [0, width] x [0, height] (Sutherland and Hodgman 1974); empty if none."""
    points = list(polygon)
    for axis, limit, sign in ((0, 0.0, 1), (0, width, -1), (1, 0.0, 1), (1, height, -1)):
        points = _clip_side(points, axis, limit, sign)
    inside = [(min(max(x, 0.0), float(width)), min(max(y, 0.0), float(height))) for x, y in points]
    distinct = [point for i, point in enumerate(inside) if point != inside[i - 1]]
    return tuple(distinct) if len(distinct) >= 3 else ()


def _clip_side(points: list[Point], axis: int, limit: float, sign: int) -> list[Point]:
    kept: list[Point] = []
    for i, end in enumerate(points):
        start = points[i - 1]
        before, after = sign * (start[axis] - limit), sign * (end[axis] - limit)
        if (before < 0) != (after < 0):
            share = before / (before - after)
            kept.append((start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])))
        if after >= 0:
            kept.append(end)
    return kept


def turn_upright(point: Point, frame: Frame) -> Point:
    """Where a point of the stored picture lies once its EXIF orientation is applied (as ImageOps.exif_transpose)."""
    (x, y), w, h = point, frame.width, frame.height
    turned: dict[int, Point] = {
        2: (w - x, y),
        3: (w - x, h - y),
        4: (x, h - y),
        5: (y, x),
        6: (h - y, x),
        7: (h - y, w - x),
        8: (y, w - x),
    }
    return turned.get(frame.orientation, point)
