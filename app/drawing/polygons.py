"""OCR polygons as SVG in the pixels of the original picture, stretched over the photograph by the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.drawing.colours import UNSIGNED, colours, drawn, hexadecimal
from app.drawing.heatmaps import Polygon
from app.drawing.importance import Importances


@dataclass(frozen=True)
class Shape:
    """One polygon to draw: SVG `points`, its colour and its importance."""

    position: int
    points: str
    colour: str
    importance: float


def text_shapes(polygons: Sequence[Polygon], importances: Importances, colour_map: str = UNSIGNED) -> list[Shape]:
    """The polygons in drawing order: the strongest last, so that it lies on top where polygons overlap."""
    painted = colours(importances.text, importances.signed, colour_map)
    return [
        Shape(int(index), _points(polygons[index]), hexadecimal(painted[index]), float(importances.text[index]))
        for index in np.argsort(np.abs(importances.text), kind="stable")
    ]


def text_heatmap(
    polygons: Sequence[Polygon], picture_size: tuple[int, int], importances: Importances, threshold: float
) -> bytes:
    """Text view as a stand-alone SVG: each drawn polygon filled with the colour of its importance."""
    shown = drawn(importances.text, threshold)
    width, height = picture_size
    body = "".join(
        f'<polygon points="{shape.points}" fill="{shape.colour}"/>'
        for shape in text_shapes(polygons, importances)
        if shown[shape.position]
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" preserveAspectRatio="none">'
        f"{body}</svg>"
    ).encode()


def _points(polygon: Polygon) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in polygon)
