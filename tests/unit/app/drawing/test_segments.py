"""The picture that a page reads superpixels from."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from app.drawing.segments import readable_segments


def encoded(labels: np.ndarray, bits: int) -> bytes:
    """As precompute stores label maps: a palette of few or 256 colours, or 16-bit grey."""
    out = io.BytesIO()
    if bits == 16:
        Image.fromarray(labels.astype(np.uint16)).save(out, "PNG")
        return out.getvalue()
    picture = Image.fromarray(labels.astype(np.uint8))
    picture.putpalette([value for index in range(1 << bits) for value in (index, 255 - index, 7)])
    picture.save(out, "PNG", bits=bits)
    return out.getvalue()


@pytest.mark.parametrize(("bits", "segments"), [(4, 16), (8, 255), (16, 300)])
def test_red_and_green_are_the_segment_s_id(bits: int, segments: int) -> None:
    labels = np.random.default_rng(bits).integers(0, segments, (24, 31))
    with Image.open(io.BytesIO(readable_segments(encoded(labels, bits)))) as picture:
        pixels = np.asarray(picture.convert("RGBA")).astype(int)
    np.testing.assert_array_equal(pixels[..., 0] + 256 * pixels[..., 1], labels)
    assert (pixels[..., 3] == 255).all()
