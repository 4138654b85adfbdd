"""The three views of one explanation: over the photograph, or over its tile in a sprite sheet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from app.drawing.colours import UNSIGNED
from app.drawing.heatmaps import Regions, View, encode_values, image_heatmap, value_field
from app.drawing.importance import Importances
from app.drawing.polygons import text_heatmap

GRID = 512
TILE = 192


def draw_view(
    view: View, regions: Regions, importances: Importances, threshold: float, colour_map: str = UNSIGNED
) -> tuple[str, bytes]:
    """One view as (media type, bytes), to be stretched over the photograph.

    The multimodal view is a field of 512 x 512 values; the threshold is applied to the sums.
    """
    if view == "image":
        return "image/png", image_heatmap(regions.label_map, importances, threshold, colour_map)
    if view == "text":
        return "image/svg+xml", text_heatmap(regions.polygons, regions.size, importances, threshold)
    field = value_field(view, regions, importances, (GRID, GRID))
    return "image/png", encode_values(field, importances.signed, threshold, colour_map)


def draw_tile(
    view: View, regions: Regions, importances: Importances, threshold: float, tile: int, colour_map: str = UNSIGNED
) -> tuple[str, bytes]:
    """One view as (media type, bytes), centred in a square as the photograph is in its tile of the sprite sheet.

    Args:
        tile: pixels a side of the sheet's tiles, in which smaller photographs are not enlarged.
    """
    scale = TILE / max(*regions.size, tile)
    width, height = (max(round(side * scale), 1) for side in regions.size)
    left, top = (TILE - width) // 2, (TILE - height) // 2
    square = np.zeros((TILE, TILE), np.float32)
    square[top : top + height, left : left + width] = value_field(view, regions, importances, (width, height))
    return "image/png", encode_values(square, importances.signed, threshold, colour_map)


@dataclass(frozen=True)
class SheetTile:
    """What is drawn in tile `position` of a sheet."""

    position: int
    regions: Regions
    importances: Importances


def draw_sheet(
    view: View,
    tiles: Iterable[SheetTile],
    threshold: float,
    side: int,
    columns: int,
    rows: int,
    colour_map: str = UNSIGNED,
) -> tuple[str, bytes]:
    """One view of a whole class as (media type, bytes): one picture that lies over its sprite sheet of photographs.

    Each stands centred in its tile as its photograph does, shrunk but never enlarged; other tiles stay clear.

    Args:
        tiles: all with the same sign.
        side: pixels a side of a tile.
    """
    sheet = np.zeros((rows * side, columns * side), np.float32)
    signed = False
    for tile in tiles:
        signed = tile.importances.signed
        row, column = divmod(tile.position, columns)
        scale = side / max(*tile.regions.size, side)
        width, height = (max(round(length * scale), 1) for length in tile.regions.size)
        left, top = column * side + (side - width) // 2, row * side + (side - height) // 2
        field = value_field(view, tile.regions, tile.importances, (width, height))
        sheet[top : top + height, left : left + width] = field
    return "image/png", encode_values(sheet, signed, threshold, colour_map)
