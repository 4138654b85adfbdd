"""The one decoder of the offline job: every picture is untrusted, and comes out upright, in RGB and of bounded size."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from db.errors import UserError
from precompute.dataset.faults import FaultError, InputChangedError
from precompute.dataset.polygons import Frame

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM")  # few decoders: a small surface for malformed files
MAX_PIXELS = 100_000_000  # pixels; a decompression bomb unpacks to more
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def decode_picture(source: BinaryIO, largest_side: int | None = None) -> tuple[Image.Image, Frame]:
    """Decode a picture of a data set.

    Args:
        source: the file, opened for reading.
        largest_side: pixels a side that are needed; a larger JPEG may be unpacked at 1/2 to 1/8 of its size, never
            smaller than that. None = every pixel.

    Returns:
        The upright picture in RGB, 8 bits a channel, and the frame that it is stored in.

    Raises:
        FaultError: not a picture, a broken one, or one of more than 100 megapixels.
    """
    with _opened(source, FORMATS) as picture:
        frame = _stored_frame(picture)
        if largest_side is not None:
            picture.draft("RGB", fitting(*picture.size, largest_side))
        return _upright_rgb(picture), frame


def decode_ingested(file: Path, name: str, picture_hash: str) -> Image.Image:
    """Decode a sample's picture if it is still what was ingested; the file is read once.

    Args:
        file: on disk.
        name: the sample's path in the data set, for messages.
        picture_hash: SHA-256 of the file's bytes, as stored.

    Returns:
        The upright picture in RGB.

    Raises:
        InputChangedError: the file is gone, cannot be read or has other bytes.
        UserError: its bytes cannot be decoded.
    """
    again = "put it back, or run the stage ingest again"
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputChangedError(f"{name}: {file} cannot be read ({error.strerror or error}); {again}") from error
    if hashlib.sha256(content).hexdigest() != picture_hash:
        raise InputChangedError(f"{name}: changed since the data set was ingested; {again}")
    try:
        return decode_picture(io.BytesIO(content))[0]
    except FaultError as fault:
        raise UserError(f"{name}: {fault}") from fault


def decode_mask(source: BinaryIO, frame: Frame) -> Image.Image:
    """Decode a ground-truth mask and turn it upright with its picture.

    Args:
        source: a PNG file, opened for reading.
        frame: of the picture.

    Returns:
        8-bit grey; >= 128 is the defect.

    Raises:
        FaultError: not a PNG, not of the picture's size, or with no value from 128 up though not black.
    """
    try:
        with _opened(source, ("PNG",)) as picture:
            if picture.size != (frame.width, frame.height):
                wrong = f"{picture.width}x{picture.height} pixels, the picture has {frame.width}x{frame.height}"
                raise FaultError(f"has {wrong}; make them equal")
            grey = picture.convert("L")
    except FaultError as fault:
        raise FaultError(f"the mask {fault}") from None
    brightest = max(level for level, pixels in enumerate(grey.histogram()) if pixels)
    if 0 < brightest < 128:
        raise FaultError(f"no value of the mask exceeds {brightest}; write 255 where the defect is")
    turn = _UPRIGHT.get(frame.orientation)
    return grey if turn is None else grey.transpose(turn)


def decode_png(content: bytes) -> npt.NDArray[Any]:
    """Levels or palette indices [h, w] of a one-channel PNG that this program has stored.

    Raises:
        FaultError: it is damaged.
    """
    with _opened(io.BytesIO(content), ("PNG",)) as picture:
        return np.array(picture)


def fitting(width: int, height: int, largest_side: int) -> tuple[int, int]:
    """The size with the same aspect ratio that fits into a square; never larger than it was."""
    scale = min(1.0, largest_side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


@contextmanager
def _opened(source: BinaryIO, formats: tuple[str, ...]) -> Iterator[Image.Image]:
    """The picture, not unpacked yet; what goes wrong until the block ends is one sentence of a FaultError."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(source, formats=formats) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise FaultError(
                    f"{picture.width}x{picture.height} pixels are more than 100 megapixels; make the picture smaller"
                )
            yield picture
    except FaultError:
        raise
    except Image.DecompressionBombError:
        raise FaultError("has more than 100 megapixels; make the picture smaller") from None
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
        unknown = isinstance(error, UnidentifiedImageError)
        reason = f"it is not {' or '.join(formats)}" if unknown else " ".join(str(error).split())
        kind = "a picture" if formats == FORMATS else " or ".join(formats)
        raise FaultError(f"cannot be read as {kind} ({reason}); replace or remove the file") from None


def _upright_rgb(picture: Image.Image) -> Image.Image:
    """An opened picture in RGB with its EXIF orientation applied.

    Of 16-bit grey the upper 8 bits are taken, as Pillow does with 16-bit colour; it would clip grey at 255.
    """
    try:
        upright = ImageOps.exif_transpose(picture)
    except Exception:  # EXIF that Pillow cannot write back; what the picture shows is sound
        turn = None if picture.format == "TIFF" else _UPRIGHT.get(_stored_frame(picture).orientation)
        upright = picture.copy() if turn is None else picture.transpose(turn)
    if picture.mode.startswith("I;16") or (picture.mode == "I" and picture.format == "PPM"):
        upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
    return upright.convert("RGB")


def _stored_frame(picture: Image.Image) -> Frame:
    """The frame of a picture that was opened but not unpacked yet."""
    try:
        value = picture.getexif().get(_ORIENTATION, 1)
    except Exception:  # EXIF that cannot be parsed says nothing
        value = 1
    orientation = value if isinstance(value, int) and 1 <= value <= 8 else 1
    width, height = picture.size
    if picture.format == "TIFF" and orientation >= 5:  # of this format alone Pillow gives the upright size
        width, height = height, width
    return Frame(width, height, orientation)
