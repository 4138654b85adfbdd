"""Heat maps against a reference implementation that colours one pixel after the other."""

from __future__ import annotations

import io

import matplotlib
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from app.drawing.heatmaps import Regions, View, image_heatmap, value_field
from app.drawing.importance import Importances, normalised_importances, signed_importances
from app.drawing.views import SheetTile, draw_sheet, draw_tile, draw_view

SQUARE = [(0.0, 0.0), (200.0, 0.0), (200.0, 100.0), (0.0, 100.0)]  # the upper half of a picture of 200 x 200


def label_map(columns: int, rows: int, side: int = 64) -> bytes:
    y, x = np.mgrid[:side, :side]
    labels = (y * rows // side) * columns + x * columns // side
    picture = Image.fromarray(labels.astype(np.uint16 if columns * rows > 255 else np.uint8))
    if columns * rows <= 255:
        picture.putpalette([level for level in range(256) for _ in range(3)])
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def pixels(png: bytes) -> npt.NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


def plain_colour(value: float, signed: bool, threshold: float) -> tuple[int, int, int, int]:
    """What one pixel of this value looks like."""
    if value == 0 or abs(value) < threshold:
        return (0, 0, 0, 0)
    index = round((value + 1) / 2 * 255) if signed else round(value * 255)
    red, green, blue, _ = matplotlib.colormaps["RdBu_r" if signed else "jet"](index, bytes=True)
    return (int(red), int(green), int(blue), 255)


@pytest.mark.parametrize(("columns", "rows"), [(3, 2), (20, 15)])  # 6 segments: palette; 300: 16 bit
@pytest.mark.parametrize("signed", [False, True])
def test_image_view_colours_superpixels_as_the_reference_implementation(columns: int, rows: int, signed: bool) -> None:
    weights = np.random.default_rng(0).normal(0, 1, columns * rows).astype(np.float32)
    make = signed_importances if signed else normalised_importances
    importances = make(weights, np.zeros(0, np.float32))
    png = label_map(columns, rows)
    drawn = pixels(image_heatmap(png, importances, 0.2))
    labels = np.asarray(Image.open(io.BytesIO(png)))
    for y, x in [(1, 1), (10, 40), (33, 5), (60, 60), (31, 32)]:
        value = float(importances.image[labels[y, x]])
        expected = plain_colour(value, signed, 0.2)
        assert tuple(drawn[y, x])[3] == expected[3]
        if expected[3]:
            assert tuple(drawn[y, x]) == expected


def test_multimodal_view_adds_where_polygon_and_superpixel_overlap() -> None:
    regions = Regions(label_map(2, 2), [SQUARE], (200, 200))
    importances = Importances(np.array([0.3, 0.9, 0.3, 0.0], np.float32), np.array([0.5], np.float32), False)
    field = value_field("multimodal", regions, importances, (64, 64))
    assert field[10, 10] == pytest.approx(0.3 + 0.5)
    assert field[10, 50] == 1  # 0.9 + 0.5, clipped
    assert field[50, 10] == pytest.approx(0.3)
    assert field[50, 50] == 0


def test_image_and_text_fields_hold_one_modality_each() -> None:
    regions = Regions(label_map(1, 1), [SQUARE], (200, 200))
    importances = Importances(np.array([0.25], np.float32), np.array([0.5], np.float32), False)
    assert set(np.unique(value_field("image", regions, importances, (64, 64)))) == {0.25}
    assert set(np.unique(value_field("text", regions, importances, (64, 64)))) == {0, 0.5}


def test_of_overlapping_polygons_the_strongest_counts() -> None:
    regions = Regions(label_map(1, 1), [SQUARE, SQUARE, SQUARE], (200, 200))
    importances = Importances(np.zeros(1, np.float32), np.array([0.2, -0.9, 0.5], np.float32), True)
    assert value_field("text", regions, importances, (64, 64))[5, 5] == pytest.approx(-0.9)


def test_polygon_covers_its_share_of_the_picture() -> None:
    regions = Regions(label_map(1, 1), [SQUARE], (200, 200))
    importances = Importances(np.zeros(1, np.float32), np.ones(1, np.float32), False)
    field = value_field("text", regions, importances, (512, 512))
    assert field.mean() == pytest.approx(0.5, abs=0.01)


def test_threshold_is_applied_to_the_sum_and_includes_its_own_value() -> None:
    regions = Regions(label_map(1, 1), [SQUARE], (200, 200))
    importances = Importances(np.array([0.125], np.float32), np.array([0.125], np.float32), False)
    _, heat = draw_view("multimodal", regions, importances, 0.25)
    drawn = pixels(heat)
    assert drawn[100, 100, 3] == 255
    assert drawn[400, 100, 3] == 0


@pytest.mark.parametrize("view", ["image", "multimodal"])
def test_nothing_is_drawn_where_no_weight_is_positive(view: str) -> None:
    regions = Regions(label_map(3, 2), [SQUARE], (200, 200))
    importances = normalised_importances(-np.ones(6, np.float32), -np.ones(1, np.float32))
    _, heat = draw_view("image" if view == "image" else "multimodal", regions, importances, 0.0)
    assert not pixels(heat)[..., 3].any()


def test_multimodal_pixels_have_the_reference_implementation_s_colours() -> None:
    regions = Regions(label_map(3, 2), [SQUARE], (200, 200))
    weights = np.array([0.51, 1, 0.11, 0.31, 0.71, 0], np.float32)
    importances = normalised_importances(weights, np.array([0.41], np.float32))
    drawn = pixels(draw_view("multimodal", regions, importances, 0.2)[1]).astype(int)
    field = value_field("multimodal", regions, importances, (512, 512))
    for y, x in [(10, 10), (10, 256), (10, 500), (400, 10), (400, 256), (400, 500)]:
        expected = plain_colour(float(field[y, x]), False, 0.2)
        assert tuple(drawn[y, x])[3] == expected[3]
        if expected[3]:
            assert tuple(drawn[y, x]) == expected


@pytest.mark.parametrize("size", [(200, 100), (100, 200), (64, 64)])
def test_tile_lies_where_the_photograph_lies_in_the_sprite_sheet(size: tuple[int, int]) -> None:
    """A tile of 128: the photograph centred, shrunk but never enlarged."""
    regions = Regions(label_map(1, 1), [], size)
    media_type, heat = draw_tile(
        "image", regions, normalised_importances(np.ones(1, np.float32), np.zeros(0)), 0.2, 128
    )
    assert media_type == "image/png"
    opaque = pixels(heat)[..., 3] > 0
    scale = min(1, 128 / max(size)) / 128
    for axis, side in ((0, size[0]), (1, size[1])):
        covered = opaque.any(axis=axis)
        share = side * scale
        assert covered.mean() == pytest.approx(share, abs=0.02)
        assert covered.argmax() / covered.size == pytest.approx((1 - share) / 2, abs=0.02)


@pytest.mark.parametrize("view", ["image", "text", "multimodal"])
def test_sheet_holds_in_each_tile_what_a_picture_of_its_own_shows(view: View) -> None:
    weights = np.array([1, 0.5, 0, 0.3, 0.1, 0.8], np.float32)
    regions = Regions(label_map(3, 2), [SQUARE], (200, 100))
    importances = normalised_importances(weights, np.array([0.7], np.float32))
    media_type, sheet = draw_sheet(view, [SheetTile(4, regions, importances)], 0.2, 192, 3, 2)
    assert media_type == "image/png"
    shown = pixels(sheet).copy()
    assert shown.shape[:2] == (2 * 192, 3 * 192)
    assert (shown[192:, 192:384] == pixels(draw_tile(view, regions, importances, 0.2, 192)[1])).all()
    shown[192:, 192:384] = 0
    assert not shown[..., 3].any()  # tile 4 is the second of the second row
