"""Small pictures derived from those of a data set: thumbnails, display pictures, masks and sprite sheets."""

from __future__ import annotations

import io
import math

from PIL import Image

from db.records.written import PictureRecord
from precompute.dataset.decoding import fitting

MAX_SHEET_SIDE = 4096  # pixels a side of a sprite sheet, 64 MB once a browser has unpacked it
WEBP_QUALITY = 85
WEBP_METHOD = 2  # half the time of method 4 for 3 % more bytes
BACKGROUND = (238, 238, 238)


def shrink(picture: Image.Image, largest_side: int) -> Image.Image:
    """The picture at most `largest_side` pixels a side."""
    size = fitting(*picture.size, largest_side)
    return picture if size == picture.size else picture.resize(size, Image.Resampling.LANCZOS)


def encode(picture: Image.Image) -> PictureRecord:
    """The picture as WebP without metadata."""
    stream = io.BytesIO()
    picture.save(stream, "WEBP", quality=WEBP_QUALITY, method=WEBP_METHOD)
    return PictureRecord(*picture.size, stream.getvalue())


def encode_mask(mask: Image.Image) -> PictureRecord:
    """An 8-bit grey mask as PNG."""
    stream = io.BytesIO()
    mask.save(stream, "PNG")
    return PictureRecord(*mask.size, stream.getvalue(), "image/png")


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
        corner = (column * self.tile + left, row * self.tile + top)
        self._sheet.paste(Image.frombytes("RGB", size, pixels), corner)
        self.samples.append(path)

    def encode(self) -> tuple[PictureRecord, dict[str, object]]:
        """The sheet, without rows that stayed empty, and its layout: tile, columns and sample paths in order."""
        rows = math.ceil(len(self.samples) / self.columns)
        sheet = self._sheet.crop((0, 0, self._sheet.width, rows * self.tile))
        return encode(sheet), {"tile": self.tile, "columns": self.columns, "samples": self.samples}


def sheet_layout(samples: int, thumbnail_size: int) -> tuple[int, int]:
    """(columns, tile size in pixels) of a nearly square sheet."""
    columns = math.ceil(math.sqrt(samples))
    return columns, max(1, min(thumbnail_size, MAX_SHEET_SIDE // columns))
