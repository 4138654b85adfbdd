"""Polygons stay inside the picture, and turn upright with it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageOps

from precompute.dataset.faults import FaultError
from precompute.dataset.polygons import Frame, area, clip, read_polygon, turn_upright

coordinate = st.floats(-200, 300, allow_nan=False)
anything = st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=8).map(tuple)


@st.composite
def convex(draw: st.DrawFn) -> tuple[tuple[float, float], ...]:
    """Points on an ellipse in angular order."""
    angles = sorted(draw(st.lists(st.floats(0, 2 * math.pi), min_size=3, max_size=8, unique=True)))
    x, y, a, b = (draw(st.floats(*limits)) for limits in ((-50, 150), (-50, 150), (1, 200), (1, 200)))
    return tuple((x + a * math.cos(angle), y + b * math.sin(angle)) for angle in angles)


@given(anything, st.integers(1, 120), st.integers(1, 90))
def test_a_clipped_polygon_lies_inside_the_picture(
    polygon: tuple[tuple[float, float], ...], width: int, height: int
) -> None:
    clipped = clip(polygon, width, height)
    assert all(0 <= x <= width and 0 <= y <= height for x, y in clipped)
    assert len(clipped) == 0 or len(clipped) >= 3


@given(convex(), st.integers(1, 120), st.integers(1, 90))
def test_clipping_never_adds_area(polygon: tuple[tuple[float, float], ...], width: int, height: int) -> None:
    clipped = area(clip(polygon, width, height))
    assert clipped <= area(polygon) * (1 + 1e-9) + 1e-6
    assert clipped <= width * height * (1 + 1e-9)


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 80)), min_size=3, max_size=6, unique=True).map(tuple))
def test_a_polygon_inside_the_picture_is_left_as_it_is(polygon: tuple[tuple[float, float], ...]) -> None:
    assert clip(polygon, 100, 80) == polygon


def test_clipped_area_equals_that_of_counted_pixels() -> None:
    polygon = ((-30.0, 20.0), (60.0, -25.0), (130.0, 70.0), (40.0, 110.0))
    canvas = Image.new("1", (300, 300))
    ImageDraw.Draw(canvas).polygon([(x + 100, y + 100) for x, y in polygon], fill=1)
    counted = np.asarray(canvas)[100:180, 100:200].sum()
    assert area(clip(polygon, 100, 80)) == pytest.approx(counted, rel=0.02)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_points_turn_as_pillow_turns_the_picture(orientation: int) -> None:
    stored = Image.new("L", (7, 5))
    stored.putpixel((5, 1), 255)
    exif = stored.getexif()
    exif[0x0112] = orientation
    upright = ImageOps.exif_transpose(stored)
    frame = Frame(7, 5, orientation)
    x, y = turn_upright((5.5, 1.5), frame)  # the centre of that pixel
    assert frame.upright_size == upright.size
    assert upright.getpixel((int(x), int(y))) == 255


@pytest.mark.parametrize(
    "value",
    [
        None,
        "polygon",
        [],
        [[1, 2], [3, 4]],
        [[1, 2], [3, 4], [5]],
        [[1, 2], [3, 4], [5, None]],
        [[1, 2], [3, 4], [5, "6"]],
        [[1, 2], [3, 4], [5, True]],
        [[1, 2], [3, 4], [5, math.nan]],
        [[1, 2], [3, 4], [5, math.inf]],
        [[1, 2], [3, 4], [5, 10**400]],
        [{"x": 1, "y": 2}] * 3,
    ],
)
def test_what_is_no_polygon_is_refused(value: object) -> None:
    with pytest.raises(FaultError):
        read_polygon(value)


@pytest.mark.parametrize(
    "polygon",
    [
        ((200.0, 10.0), (220.0, 10.0), (220.0, 30.0)),  # beside the picture
        ((10.0, 10.0), (20.0, 20.0), (30.0, 30.0)),  # a line
        ((10.0, 10.0), (10.0, 10.0), (10.0, 10.0)),
    ],
)
def test_a_polygon_without_area_in_the_picture_is_refused(polygon: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(FaultError, match="no area inside the 100x80 picture"):
        Frame(100, 80).to_upright(polygon)
