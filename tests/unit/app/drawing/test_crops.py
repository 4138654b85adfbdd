"""Crops show the part and dim what surrounds it."""

import io

import numpy as np
from PIL import Image

from app.drawing.crops import crop_sheet, entry_crop, segment_crop


def encoded(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def pixels(crop: Image.Image) -> np.ndarray:
    return np.asarray(crop).astype(int)


def black(width: int, height: int) -> Image.Image:
    return Image.new("RGB", (width, height))


def test_segment_crop_keeps_the_segment_s_colour_and_dims_the_rest() -> None:
    labels = np.zeros((64, 64), np.uint8)
    labels[:32, :32] = 1
    photograph = np.full((320, 640, 3), (200, 30, 30), np.uint8)  # wider than the label map is
    crop = pixels(segment_crop(Image.fromarray(photograph), encoded(labels), 1, 400))
    assert crop.shape[1] / crop.shape[0] > 1.7
    np.testing.assert_allclose(crop[10, 10], (200, 30, 30), atol=6)
    assert abs(crop[-3, -3] - (200, 30, 30)).max() > 40


def test_crop_is_no_larger_than_asked_for() -> None:
    crop = segment_crop(black(512, 512), encoded(np.ones((8, 8), np.uint8)), 1, 96)
    assert max(crop.size) == 96


def test_segment_that_covers_no_pixel_gives_a_picture_all_the_same() -> None:
    crop = segment_crop(black(40, 50), encoded(np.zeros((8, 8), np.uint8)), 9, 96)
    assert crop.size == (40, 50)


def test_entry_crop_scales_polygons_of_the_original_to_the_display_picture() -> None:
    photograph = np.zeros((100, 100, 3), np.uint8)
    photograph[20:30, 40:80] = (10, 220, 10)
    polygon = [(400.0, 200.0), (800.0, 200.0), (800.0, 300.0), (400.0, 300.0)]  # of a picture of 1000 x 1000
    crop = pixels(entry_crop(Image.fromarray(photograph), polygon, (1000, 1000), 200))
    height, width = crop.shape[:2]
    np.testing.assert_allclose(crop[height // 2, width // 2], (10, 220, 10), atol=8)
    assert 40 < width < 60


def test_sheet_holds_each_crop_in_the_middle_of_its_cell() -> None:
    wide = Image.new("RGB", (200, 50), (250, 0, 0))
    small = Image.new("RGB", (20, 20), (0, 0, 250))
    sheet = Image.open(io.BytesIO(crop_sheet([(0, 1, wide), (1, 0, small)], 2, 3, (100, 60))))
    assert sheet.size == (300, 120)
    np.testing.assert_allclose(sheet.getpixel((150, 30)), (250, 0, 0), atol=8)
    np.testing.assert_allclose(sheet.getpixel((50, 90)), (0, 0, 250), atol=8)
    np.testing.assert_allclose(sheet.getpixel((150, 4)), (128, 128, 128), atol=8)
    np.testing.assert_allclose(sheet.getpixel((15, 90)), (128, 128, 128), atol=8)
    np.testing.assert_allclose(sheet.getpixel((25, 90)), (0, 0, 250), atol=8)  # enlarged to the cell's height
    np.testing.assert_allclose(sheet.getpixel((250, 90)), (128, 128, 128), atol=8)
