"""Derived pictures and sprite sheets."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from precompute.dataset.pictures import (
    BACKGROUND,
    LARGEST_SHEET,
    SpriteSheet,
    encode_mask,
    fitting,
    open_picture,
    sheet_layout,
)
from precompute.dataset.polygons import Frame
from precompute.dataset.samples import open_upright
from tests.dataset_folder import noise


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_a_picture_is_what_later_stages_open(tmp_path: Path, orientation: int, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    noise("x", 40, 30).save(path, exif=exif)
    picture, frame = open_picture(path, 768)
    assert np.array_equal(np.asarray(picture), np.asarray(open_upright(path)))
    assert frame == Frame(40, 30, orientation)


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "RGBA", "CMYK"])
def test_any_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("x.jpg" if mode == "CMYK" else "x.png")
    noise("x", 40, 30).convert(mode).save(path)
    picture, _ = open_picture(path, 16)
    assert (picture.mode, picture.size) == ("RGB", (16, 12))


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_grey_of_16_bits_is_scaled_to_8(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    levels = np.arange(40 * 30, dtype=np.uint16).reshape(30, 40) * 54
    Image.fromarray(levels).save(path)
    picture, _ = open_picture(path, 768)
    assert np.array_equal(np.asarray(picture), np.stack([levels // 256] * 3, axis=-1))
    assert np.array_equal(np.asarray(open_upright(path)), np.asarray(picture))


def test_a_large_jpeg_shrinks_to_nearly_the_same_whether_or_not_it_is_unpacked_whole(tmp_path: Path) -> None:
    smooth = noise("x", 26, 20).resize((2600, 2000), Image.Resampling.BICUBIC)
    smooth.save(tmp_path / "x.jpg", quality=95)
    picture, frame = open_picture(tmp_path / "x.jpg", 260)
    whole = open_upright(tmp_path / "x.jpg").resize((260, 200), Image.Resampling.LANCZOS)
    assert (frame.width, frame.height) == (2600, 2000)
    assert np.abs(np.asarray(picture, int) - np.asarray(whole, int)).mean() < 2


@given(st.integers(1, 20_000), st.integers(1, 20_000), st.integers(1, 1000))
def test_a_fitting_size_is_within_the_square_and_never_larger(width: int, height: int, side: int) -> None:
    fitted = fitting(width, height, side)
    assert 1 <= fitted[0] <= min(width, side)
    assert 1 <= fitted[1] <= min(height, side)


@given(st.integers(1, 200_000))
def test_a_sheet_has_room_for_all_and_stays_small(samples: int) -> None:
    columns, tile = sheet_layout(samples, 128)
    rows = -(-samples // columns)
    assert 1 <= tile <= 128
    assert columns * tile <= LARGEST_SHEET
    assert rows <= columns


def test_tiles_keep_the_aspect_ratio_and_stand_centred() -> None:
    sheet = SpriteSheet(2, 64)
    sheet.add("wide", (64, 32), bytes(64 * 32 * 3))
    sheet.add("high", (32, 64), bytes(32 * 64 * 3))
    pixels = np.asarray(sheet._sheet)
    black = (pixels == 0).all(axis=2)
    assert black[16:48, :64].all() and black[:, 80:112].all()
    assert (pixels[:16, :64] == BACKGROUND).all() and black.sum() == 2 * 64 * 32


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_mask_turns_with_its_picture(tmp_path: Path, orientation: int) -> None:
    stored = noise("mask", 40, 30).convert("L")
    stored.save(tmp_path / "mask.png")
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.convert("RGB").save(tmp_path / "picture.png", exif=exif)
    turned = Image.open(BytesIO(encode_mask(tmp_path / "mask.png", Frame(40, 30, orientation)).content))
    assert np.array_equal(np.asarray(turned), np.asarray(open_upright(tmp_path / "picture.png").convert("L")))
