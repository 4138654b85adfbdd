"""Recolouring replaces two chunks and nothing else."""

import io

import numpy as np
from PIL import Image

from app.drawing.palette import LEVELS, is_palette_png, recolour


def palette_png() -> bytes:
    labels = np.arange(256, dtype=np.uint8).reshape(16, 16) % 7
    picture = Image.fromarray(labels)
    picture.putpalette([level for level in range(256) for _ in range(3)])
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def test_pixels_stay_and_colours_and_opacities_change() -> None:
    png = palette_png()
    colours = np.random.default_rng(0).integers(0, 256, (7, 3)).astype(np.uint8)
    opacities = np.array([255, 0, 255, 0, 255, 255, 0], np.uint8)
    after = Image.open(io.BytesIO(recolour(png, colours, opacities, np.arange(7, dtype=np.uint8))))
    labels = np.asarray(Image.open(io.BytesIO(png)))
    np.testing.assert_array_equal(np.asarray(after), labels)
    rgba = np.asarray(after.convert("RGBA"))
    np.testing.assert_array_equal(rgba[..., :3], colours[labels])
    np.testing.assert_array_equal(rgba[..., 3], opacities[labels])


def test_recoloured_picture_can_be_recoloured_again() -> None:
    red = np.array([[255, 0, 0]] * 7, np.uint8)
    levels = np.arange(7, dtype=np.uint8)
    twice = recolour(recolour(palette_png(), red, levels * 0, levels), red, np.full(7, 255, np.uint8), levels)
    assert twice.count(LEVELS) == twice.count(b"PLTE") == 1
    assert np.asarray(Image.open(io.BytesIO(twice)).convert("RGBA"))[0, 0].tolist() == [255, 0, 0, 255]


def test_other_pictures_are_told_apart() -> None:
    out = io.BytesIO()
    Image.fromarray(np.zeros((4, 4), np.uint16)).save(out, "PNG")
    assert is_palette_png(palette_png())
    assert not is_palette_png(out.getvalue())
    assert not is_palette_png(b"RIFF....WEBP" + bytes(40))
