"""The colour maps as fixed tables of 256 entries, taken from matplotlib without its pyplot."""

from __future__ import annotations

from functools import cache

import matplotlib
import numpy as np
import numpy.typing as npt

from app.drawing.importance import Array

Bytes = npt.NDArray[np.uint8]

UNSIGNED = "jet"
SIGNED = "RdBu_r"
COLOUR_MAPS = (UNSIGNED, "cividis")
"""What evidence in favour may be drawn in: P1's, and one that reads the same to colour-blind people."""


@cache
def colour_table(signed: bool, colour_map: str = UNSIGNED) -> Bytes:
    """uint8 [256, 3]: over [0, 1] one of COLOUR_MAPS (P1 §4.2 has JET); signed over [-1, 1], red = in favour."""
    chosen = matplotlib.colormaps[SIGNED if signed else colour_map]
    return np.array(chosen(np.arange(256), bytes=True), dtype=np.uint8)[:, :3]


def colour_index(values: Array, signed: bool) -> Bytes:
    """The table's entry for each value: [0, 1] or, where signed, [-1, 1] spread over 0..255."""
    unit = np.clip((values + np.float32(1)) / np.float32(2) if signed else values, 0, 1)
    unit *= 255
    return np.asarray(np.rint(unit, out=unit), dtype=np.uint8)


def levels(values: Array, signed: bool) -> Bytes:
    """`colour_index` with 0 for what is worth nothing; the table's first entry itself is never used."""
    found = np.maximum(colour_index(values, signed), 1)
    found[values == 0] = 0
    return found


def level_opacities(signed: bool, threshold: float) -> Bytes:
    """uint8 [256]: 255 where a level stands for values of at least the threshold, half a level of tolerance given."""
    level = np.arange(256) / 255
    magnitude, half = (np.abs(2 * level - 1), 1 / 255) if signed else (level, 0.5 / 255)
    return np.where((magnitude >= threshold - half - 1e-9) & (level > 0), 255, 0).astype(np.uint8)


def colours(values: Array, signed: bool, colour_map: str = UNSIGNED) -> Bytes:
    """uint8 [n, 3]: the colour of each value."""
    chosen: Bytes = np.take(colour_table(signed, colour_map), colour_index(values, signed), axis=0)
    return chosen


def drawn(values: Array, threshold: float) -> npt.NDArray[np.bool_]:
    """Which values are drawn: magnitude at least the threshold, and never zero evidence."""
    magnitude = np.abs(values)
    return (magnitude >= threshold) & (magnitude > 0)


def hexadecimal(colour: Bytes) -> str:
    """A colour as CSS writes it, `#rrggbb`."""
    return f"#{colour[0]:02x}{colour[1]:02x}{colour[2]:02x}"
