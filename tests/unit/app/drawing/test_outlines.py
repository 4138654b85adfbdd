"""The outline of a superpixel against a plain walk over its pixels."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image

from app.drawing.outlines import segment_outline, segment_outlines


def encoded(labels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(labels).save(out, "PNG")
    return out.getvalue()


def plain_sides(labels: np.ndarray, segment: int) -> set[tuple[int, int, str]]:
    """Every side of a pixel of the segment that no other pixel of it lies beyond."""
    own = {(x, y) for y, x in np.argwhere(labels == segment)}
    sides = set()
    for x, y in own:
        sides |= {(x, y, "h")} if (x, y - 1) not in own else set()
        sides |= {(x, y + 1, "h")} if (x, y + 1) not in own else set()
        sides |= {(x, y, "v")} if (x - 1, y) not in own else set()
        sides |= {(x + 1, y, "v")} if (x + 1, y) not in own else set()
    return sides


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("segment", [0, 1, 2, 3])
def test_outline_has_every_outer_side_once(kind: type[np.generic], segment: int) -> None:
    labels = np.random.default_rng(segment).integers(0, 4, (9, 7)).astype(kind)
    drawn = re.findall(r"M(\d+) (\d+)([hv])1", segment_outline(encoded(labels), segment))
    assert len(drawn) == len(set(drawn))
    assert {(int(x), int(y), way) for x, y, way in drawn} == plain_sides(labels, segment)


def test_several_outlines_are_those_of_each_alone() -> None:
    png = encoded(np.random.default_rng(9).integers(0, 4, (9, 7)).astype(np.uint8))
    assert segment_outlines(png, [2, 0, 7]) == [segment_outline(png, one) for one in (2, 0, 7)]


def test_absent_segment_has_no_outline() -> None:
    assert segment_outline(encoded(np.zeros((4, 4), np.uint8)), 5) == ""
