"""The confusion matrix as a picture."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from app.drawing.confusion import FAINTEST, RIGHT, WRONG, confusion_picture


def pixels_of(counts: list[list[int]]) -> np.ndarray:
    with Image.open(io.BytesIO(confusion_picture(np.array(counts)))) as picture:
        return np.asarray(picture.convert("RGBA")).astype(int)


def test_a_pixel_a_cell_right_ones_blue_mistakes_orange_zero_clear() -> None:
    pixels = pixels_of([[9, 1, 0], [0, 4, 0], [2, 2, 0]])
    assert pixels.shape == (3, 3, 4)
    assert tuple(pixels[0, 0, :3]) == RIGHT
    assert tuple(pixels[0, 1, :3]) == WRONG
    assert {pixels[0, 2, 3], pixels[1, 0, 3], pixels[2, 2, 3]} == {0}
    assert pixels[1, 1, 3] == 255
    assert 255 * FAINTEST <= pixels[0, 1, 3] < pixels[2, 0, 3] < pixels[0, 0, 3]


def test_one_mistake_among_many_is_seen_in_a_large_matrix() -> None:
    counts = np.eye(256, dtype=int) * 50
    counts[3, 200] = 1
    assert pixels_of(counts.tolist())[3, 200, 3] >= 255 * FAINTEST
