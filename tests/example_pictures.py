"""Small real pictures for the example database: cartons with printed texts, sprite sheets, label maps."""

from __future__ import annotations

import hashlib
import io
from functools import cache

import numpy as np
from PIL import Image, ImageDraw

from db.schema.tables import Picture, Segmentation
from db.values import Point

ORIGINAL = (960, 1280)
MODEL_SIZE = 256
COLOURS = ("#2f6db5", "#c8453b", "#3d8f5a", "#8a5aa8", "#d18f2a", "#3a8d96", "#7a6a58", "#b0487f")


def line_polygon(line: int) -> list[Point]:
    """Where the text of a line is printed, in pixels of the original."""
    left, top, right, bottom = 260.0, 260.0 + 110 * line, 700.0, 340.0 + 110 * line
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def picture(kind: str, variant: int) -> Picture:
    """A display picture of 384x512 or a thumbnail of 96x128, without its owner."""
    size = (384, 512) if kind == "display" else (96, 128)
    return _row(kind, _webp(variant % len(COLOURS), size), size)


def sprite(split: str, variant: int, samples: list[str]) -> Picture:
    """A sheet of tiles of 128 pixels for a class and split, without its owner."""
    columns = min(8, len(samples))
    size = (columns * 128, -(-len(samples) // columns) * 128)
    row = _row("sprite", _sheet(variant % len(COLOURS), len(samples), columns), size)
    row.split = split
    row.layout = {"tile": 128, "columns": columns, "samples": samples}
    return row


def segmentation(columns: int, rows: int) -> Segmentation:
    """Blocks as superpixels, numbered row by row, without their sample."""
    return Segmentation(
        settings_hash="example",
        segments=columns * rows,
        width=MODEL_SIZE,
        height=MODEL_SIZE,
        label_map=label_map(columns, rows),
    )


@cache
def label_map(columns: int, rows: int) -> bytes:
    """The blocks as PNG: a palette up to 255 segments, 16 bits above."""
    x = np.arange(MODEL_SIZE) * columns // MODEL_SIZE
    y = np.arange(MODEL_SIZE) * rows // MODEL_SIZE
    labels = y[:, None] * columns + x
    if columns * rows > 255:
        return _bytes(Image.fromarray(labels.astype(np.uint16)), "PNG")
    image = Image.fromarray(labels.astype(np.uint8), mode="L")
    image.putpalette([level for i in range(256) for level in (i, i, i)])
    return _bytes(image, "PNG")


def _row(kind: str, content: bytes, size: tuple[int, int]) -> Picture:
    return Picture(
        kind=kind,
        media_type="image/webp",
        width=size[0],
        height=size[1],
        digest=hashlib.sha256(content).hexdigest(),
        content=content,
    )


@cache
def _carton(variant: int) -> Image.Image:
    image = Image.new("RGB", ORIGINAL, "#d8d2c6")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 1120, 960, 1280), fill="#8d7355")
    draw.rectangle((200, 160, 760, 1160), fill=COLOURS[variant])
    draw.polygon([(200, 160), (320, 60), (640, 60), (760, 160)], fill="#efeae0")
    for line in range(6):
        (left, top), _, (right, bottom), _ = line_polygon(line)
        draw.rectangle((left, top, right, bottom), fill="#f6f1e4")
        draw.text((left + 20, top + 8), f"line {line}", fill="#222222", font_size=48)
    return image


@cache
def _webp(variant: int, size: tuple[int, int]) -> bytes:
    return _bytes(_carton(variant).resize(size), "WEBP")


@cache
def _sheet(variant: int, tiles: int, columns: int) -> bytes:
    sheet = Image.new("RGB", (columns * 128, -(-tiles // columns) * 128))
    tile = _carton(variant).resize((96, 128))
    for i in range(tiles):
        sheet.paste(tile, (i % columns * 128 + 16, i // columns * 128))
    return _bytes(sheet, "WEBP")


def _bytes(image: Image.Image, form: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **({"quality": 60, "method": 0} if form == "WEBP" else {}))
    return buffer.getvalue()
