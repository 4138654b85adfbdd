"""Words on a label: the free fonts that come with matplotlib, set to fit a box."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import matplotlib
from PIL import Image, ImageDraw, ImageFont

Box = tuple[float, float, float, float]

REGULAR, BOLD, ITALIC = "DejaVuSans", "DejaVuSans-Bold", "STIXGeneralItalic"


@cache
def font(name: str, size: int) -> ImageFont.FreeTypeFont:
    """A font of matplotlib's `fonts/ttf` folder at `size` pixels; no font of the system is used."""
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf", size)


def set_word(
    picture: Image.Image,
    text: str,
    box: Box,
    name: str,
    colour: str,
    *,
    justify: bool = False,
    anchor: str = "middle",
) -> Box:
    """Print a text within a box of a picture and return the box that the ink fills.

    Args:
        box: left, top, right, bottom in pixels; the ink never leaves it.
        justify: stretch to the box's full width and height, so that words of any length look alike.
        anchor: `left`, `middle` or `right`, where the text does not fill the width.
    """
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    draft = font(name, 96)
    x0, y0, x1, y1 = draft.getbbox(text)
    ink = Image.new("L", (int(x1 - x0), int(y1 - y0)))
    ImageDraw.Draw(ink).text((-x0, -y0), text, font=draft, fill=255)
    scale = min(width / ink.width, height / ink.height)
    size = (width, height) if justify else (ink.width * scale, ink.height * scale)
    ink = ink.resize((max(1, int(size[0])), max(1, int(size[1]))), Image.Resampling.LANCZOS)
    slack = {"left": 0.0, "middle": 0.5, "right": 1.0}[anchor] * (width - ink.width)
    x, y = int(left + slack), int(top + (height - ink.height) / 2)
    picture.paste(colour, (x, y), ink)
    return (x, y, x + ink.width, y + ink.height)
