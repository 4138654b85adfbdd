"""Files as the models see them, for tests that ask a model themselves."""

from pathlib import Path

from PIL import Image

from precompute.dataset.decoding import decode_picture
from precompute.dataset.samples import Pixels, resized


def open_upright(file: Path) -> Image.Image:
    """Every pixel of a picture, in RGB."""
    with file.open("rb") as stream:
        return decode_picture(stream)[0]


def load_picture(file: Path, size: int) -> Pixels:
    """uint8 [size, size, 3]."""
    return resized(open_upright(file), size)
