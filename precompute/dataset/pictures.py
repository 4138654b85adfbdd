"""Pictures of a data set: decoded with care, and the small ones derived from them."""

from __future__ import annotations

import io
import math
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from db.records.written import PictureRecord
from precompute.dataset.faults import FaultError
from precompute.dataset.polygons import Frame

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM")  # few decoders: pictures are untrusted
LARGEST_PICTURE = 100_000_000  # pixels; a decompression bomb unpacks to more
LARGEST_SHEET = 4096  # pixels a side of a sprite sheet, 64 MB once a browser has unpacked it
WEBP_QUALITY = 85
WEBP_METHOD = 2  # half the time of method 4 for 3 % more bytes
BACKGROUND = (238, 238, 238)
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


def open_picture(path: Path, largest_side: int) -> tuple[Image.Image, Frame]:
    """The upright RGB picture at most `largest_side` pixels a side, never enlarged, and the frame that it is stored in.

    Raises:
        FaultError: not a picture, a broken one, or one of more than 100 megapixels.
    """
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=FORMATS) as picture:
            width, height = picture.size
            if width * height > LARGEST_PICTURE:
                raise FaultError(f"{width}x{height} pixels are more than 100 megapixels; make the picture smaller")
            frame = _stored_frame(picture)
            picture.draft("RGB", fitting(width, height, largest_side))  # JPEG alone: unpacks at 1/2 .. 1/8, no smaller
            upright = upright_rgb(picture)
    except FaultError:
        raise
    except Image.DecompressionBombError:
        raise FaultError("has more than 100 megapixels; make the picture smaller") from None
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
        reason = " ".join(str(error).split()).replace(str(path), path.name)
        raise FaultError(f"cannot be read as a picture ({reason}); replace or remove the file") from None
    return shrink(upright, largest_side), frame


def upright_rgb(picture: Image.Image) -> Image.Image:
    """An opened picture in RGB with its EXIF orientation applied.

    Of 16-bit grey the upper 8 bits are taken, as Pillow does with 16-bit colour; it would clip grey at 255.
    """
    upright = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I;16") or (picture.mode == "I" and picture.format == "PPM"):
        upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
    return upright.convert("RGB")


def _stored_frame(picture: Image.Image) -> Frame:
    """The frame of a picture that was opened but not unpacked yet."""
    value = picture.getexif().get(_ORIENTATION, 1)
    orientation = value if isinstance(value, int) and 1 <= value <= 8 else 1
    width, height = picture.size
    if picture.format == "TIFF" and orientation >= 5:  # of this format alone Pillow gives the upright size
        width, height = height, width
    return Frame(width, height, orientation)


def fitting(width: int, height: int, largest_side: int) -> tuple[int, int]:
    """The size with the same aspect ratio that fits into a square; never larger than it was."""
    scale = min(1.0, largest_side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def shrink(picture: Image.Image, largest_side: int) -> Image.Image:
    """The picture at most `largest_side` pixels a side."""
    size = fitting(*picture.size, largest_side)
    return picture if size == picture.size else picture.resize(size, Image.Resampling.LANCZOS)


def encode(picture: Image.Image) -> PictureRecord:
    """The picture as WebP without metadata."""
    stream = io.BytesIO()
    picture.save(stream, "WEBP", quality=WEBP_QUALITY, method=WEBP_METHOD)
    return PictureRecord(*picture.size, stream.getvalue())


def encode_mask(path: Path, frame: Frame) -> PictureRecord:
    """A ground-truth mask, turned upright with its picture, as 8-bit grey PNG; >= 128 is the defect.

    Raises:
        FaultError: not a PNG, not of the picture's size, or with no value from 128 up though not black.
    """
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=("PNG",)) as picture:
            if picture.size != (frame.width, frame.height):
                wrong = f"{picture.width}x{picture.height} pixels, the picture has {frame.width}x{frame.height}"
                raise FaultError(f"the mask has {wrong}; make them equal")
            grey = picture.convert("L")
    except FaultError:
        raise
    except Exception as error:  # as above
        reason = " ".join(str(error).split()).replace(str(path), path.name)
        raise FaultError(f"the mask cannot be read as PNG ({reason}); replace or remove it") from None
    brightest = max(level for level, pixels in enumerate(grey.histogram()) if pixels)
    if 0 < brightest < 128:
        raise FaultError(f"no value of the mask exceeds {brightest}; write 255 where the defect is")
    turn = _UPRIGHT.get(frame.orientation)
    upright = grey if turn is None else grey.transpose(turn)
    stream = io.BytesIO()
    upright.save(stream, "PNG")
    return PictureRecord(*upright.size, stream.getvalue(), "image/png")


class SpriteSheet:
    """One picture with a square tile for each sample of a class; a browser loads it at one request.

    Tiles go row by row; in each the whole picture stands centred on light grey, its aspect ratio kept.
    A tile has the size of a thumbnail, less where the sheet would exceed 4096 pixels a side.
    """

    def __init__(self, samples: int, thumbnail_size: int) -> None:
        self.columns, self.tile = sheet_layout(samples, thumbnail_size)
        rows = math.ceil(samples / self.columns)
        self._sheet = Image.new("RGB", (self.columns * self.tile, rows * self.tile), BACKGROUND)
        self.samples: list[str] = []

    def add(self, path: str, size: tuple[int, int], pixels: bytes) -> None:
        """Add a sample's picture, RGB bytes at most one tile a side."""
        row, column = divmod(len(self.samples), self.columns)
        left, top = (self.tile - size[0]) // 2, (self.tile - size[1]) // 2
        place = (column * self.tile + left, row * self.tile + top)
        self._sheet.paste(Image.frombytes("RGB", size, pixels), place)
        self.samples.append(path)

    def encode(self) -> tuple[PictureRecord, dict[str, object]]:
        """The sheet, without rows that stayed empty, and its layout: tile, columns and sample paths in order."""
        rows = math.ceil(len(self.samples) / self.columns)
        sheet = self._sheet.crop((0, 0, self._sheet.width, rows * self.tile))
        return encode(sheet), {"tile": self.tile, "columns": self.columns, "samples": self.samples}


def sheet_layout(samples: int, thumbnail_size: int) -> tuple[int, int]:
    """(columns, tile size in pixels) of a nearly square sheet."""
    columns = math.ceil(math.sqrt(samples))
    return columns, max(1, min(thumbnail_size, LARGEST_SHEET // columns))
