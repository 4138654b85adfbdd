"""Every picture goes through one decoder, whatever its format, mode and orientation."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from db.errors import UserError
from precompute.dataset import decoding
from precompute.dataset.decoding import decode_ingested, decode_mask, decode_picture, fitting
from precompute.dataset.faults import FaultError, InputChangedError
from precompute.dataset.pictures import shrink
from precompute.dataset.polygons import Frame
from tests.dataset_folder import noise


def _decoded(path: Path, largest_side: int | None = None) -> tuple[Image.Image, Frame]:
    with path.open("rb") as stream:
        return decode_picture(stream, largest_side)


@pytest.mark.parametrize(
    "exif", [b"f\x00\x08\x00", b"", b"Exif\x00\x00MM\x00*", b"II*\x00\xff\xff\xff\xff", b"\x00" * 40]
)
def test_a_sound_picture_with_broken_exif_is_read_as_it_is_stored(tmp_path: Path, exif: bytes) -> None:
    path, plain = tmp_path / "x.png", noise("x", 40, 30)
    plain.save(path)
    content = path.read_bytes()
    chunk = b"eXIf" + exif
    chunk = len(exif).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    path.write_bytes(content[:33] + chunk + content[33:])  # after the header
    picture, frame = _decoded(path)
    assert np.array_equal(np.asarray(picture), np.asarray(plain))
    assert frame == Frame(40, 30, 1)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_a_picture_comes_out_upright_and_tells_how_it_is_stored(tmp_path: Path, orientation: int, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    noise("x", 40, 30).save(path, exif=exif)
    picture, frame = _decoded(path, 768)
    with Image.open(path) as plain:
        assert np.array_equal(np.asarray(picture), np.asarray(ImageOps.exif_transpose(plain).convert("RGB")))
    assert np.array_equal(np.asarray(picture), np.asarray(_decoded(path)[0]))
    assert frame == Frame(40, 30, orientation)


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "RGBA", "CMYK"])
def test_any_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("x.jpg" if mode == "CMYK" else "x.png")
    noise("x", 40, 30).convert(mode).save(path)
    picture, _ = _decoded(path)
    assert (picture.mode, picture.size) == ("RGB", (40, 30))


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_grey_of_16_bits_is_scaled_to_8(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    levels = np.arange(40 * 30, dtype=np.uint16).reshape(30, 40) * 54
    Image.fromarray(levels).save(path)
    picture, _ = _decoded(path)
    assert np.array_equal(np.asarray(picture), np.stack([levels // 256] * 3, axis=-1))


def test_a_large_jpeg_shrinks_to_nearly_the_same_whether_or_not_it_is_unpacked_whole(tmp_path: Path) -> None:
    smooth = noise("x", 26, 20).resize((2600, 2000), Image.Resampling.BICUBIC)
    smooth.save(tmp_path / "x.jpg", quality=95)
    picture, frame = _decoded(tmp_path / "x.jpg", 260)
    whole = _decoded(tmp_path / "x.jpg")[0].resize((260, 200), Image.Resampling.LANCZOS)
    assert picture.width < 2600
    assert (frame.width, frame.height) == (2600, 2000)
    assert np.abs(np.asarray(shrink(picture, 260), int) - np.asarray(whole, int)).mean() < 2


@given(st.integers(1, 20_000), st.integers(1, 20_000), st.integers(1, 1000))
def test_a_fitting_size_is_within_the_square_and_never_larger(width: int, height: int, side: int) -> None:
    fitted = fitting(width, height, side)
    assert 1 <= fitted[0] <= min(width, side)
    assert 1 <= fitted[1] <= min(height, side)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_mask_turns_with_its_picture(tmp_path: Path, orientation: int) -> None:
    stored = noise("mask", 40, 30).convert("L")
    stored.save(tmp_path / "mask.png")
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.convert("RGB").save(tmp_path / "picture.png", exif=exif)
    with (tmp_path / "mask.png").open("rb") as stream:
        turned = decode_mask(stream, Frame(40, 30, orientation))
    assert np.array_equal(np.asarray(turned), np.asarray(_decoded(tmp_path / "picture.png")[0].convert("L")))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_models_get_a_picture_only_while_it_is_what_was_ingested(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    noise("x", 40, 30).save(path)
    ingested = _sha256(path)
    assert decode_ingested(path, "train/a/x.png", ingested).size == (40, 30)
    noise("another", 40, 30).save(path)
    with pytest.raises(
        InputChangedError, match=r"^train/a/x\.png: changed since the data set was ingested; put it back"
    ):
        decode_ingested(path, "train/a/x.png", ingested)
    path.unlink()
    with pytest.raises(InputChangedError, match=r"^train/a/x\.png: .* cannot be read \(No such file or directory\); "):
        decode_ingested(path, "train/a/x.png", ingested)


@pytest.mark.parametrize("suffix", ["ico", "tga", "pcx", "eps"])
def test_a_format_that_ingest_refuses_reaches_no_model_either(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    noise("x", 40, 30).save(path)
    path = path.rename(path.with_suffix(".png"))
    with pytest.raises(FaultError, match=r"^cannot be read as a picture \(it is not JPEG or .*\); replace or remove"):
        _decoded(path)
    with pytest.raises(UserError, match=r"^test/a/x\.png: cannot be read as a picture"):
        decode_ingested(path, "test/a/x.png", _sha256(path))


def test_a_picture_of_more_pixels_than_the_limit_reaches_no_model_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.png"
    noise("x", 40, 30).save(path)
    monkeypatch.setattr(decoding, "MAX_PIXELS", 40 * 30 - 1)
    with pytest.raises(UserError, match="40x30 pixels are more than 100 megapixels"):
        decode_ingested(path, "test/a/x.png", _sha256(path))
    monkeypatch.setattr(decoding, "MAX_PIXELS", 40 * 30)
    assert decode_ingested(path, "test/a/x.png", _sha256(path)).size == (40, 30)
