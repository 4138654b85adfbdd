"""Recolouring a palette PNG by replacing its PLTE and tRNS chunks only; the pixels are never decoded."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from app.drawing.colours import Bytes

SIGNATURE = b"\x89PNG\r\n\x1a\n"
LEVELS = b"slVl"
"""A chunk of our own: for every palette entry its level in the colour table, 0 = nothing there."""


def is_palette_png(png: bytes) -> bool:
    """Whether the picture is an 8-bit (or smaller) palette PNG: colour type 3 in its header."""
    return png[:8] == SIGNATURE and png[25] == 3


def recolour(png: bytes, colours: Bytes, opacities: Bytes, levels: Bytes | None = None) -> bytes:
    """The same pixels with other colours.

    Args:
        png: a palette PNG.
        colours: uint8 [n, 3], the colour of pixel value i; n <= 256.
        opacities: uint8 [n], 0 = not drawn.
        levels: uint8 [n], what each pixel value is worth, for assets/page/palette.js; None where it does not recolour.
    """
    palette = _chunk(b"PLTE", colours.tobytes()) + _chunk(b"tRNS", opacities.tobytes())
    if levels is not None:
        palette += _chunk(LEVELS, levels.tobytes())
    parts = [SIGNATURE]
    for name, whole in _chunks(png):
        if name in (b"PLTE", b"tRNS", LEVELS):
            continue
        if name == b"IDAT" and palette:
            parts.append(palette)
            palette = b""
        parts.append(whole)
    return b"".join(parts)


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    offset = len(SIGNATURE)
    while offset < len(png):
        (length,) = struct.unpack_from(">I", png, offset)
        end = offset + 12 + length
        yield png[offset + 4 : offset + 8], png[offset:end]
        offset = end


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
