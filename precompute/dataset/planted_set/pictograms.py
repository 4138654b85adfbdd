"""The pictures on the packages: each a round panel with a fruit, a leaf or a landscape."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

from PIL import Image, ImageDraw, ImageFilter

Draw = ImageDraw.ImageDraw
Point = tuple[float, float]
SIDE = 400
MIDDLE = SIDE / 2


def pictogram(name: str, diameter: int) -> Image.Image:
    """A round panel, RGBA [diameter, diameter], transparent outside the disc; KeyError for an unknown name."""
    return _panel(name).resize((diameter, diameter), Image.Resampling.LANCZOS, reducing_gap=2.0)


@cache
def _panel(name: str) -> Image.Image:
    inner, outer, paint = _PANELS[name]
    disc = Image.new("L", (SIDE, SIDE))
    ImageDraw.Draw(disc).ellipse((4, 4, SIDE - 4, SIDE - 4), fill=255)
    glow = Image.radial_gradient("L").resize((SIDE, SIDE))
    picture = Image.composite(Image.new("RGB", (SIDE, SIDE), outer), Image.new("RGB", (SIDE, SIDE), inner), glow)
    paint(ImageDraw.Draw(picture))
    picture.putalpha(disc.filter(ImageFilter.GaussianBlur(1)))
    return picture


def _dot(draw: Draw, x: float, y: float, rx: float, colour: str, ry: float | None = None) -> None:
    ry = rx if ry is None else ry
    draw.ellipse((x - rx, y - ry, x + rx, y + ry), fill=colour)


def _shape(
    draw: Draw, x: float, y: float, scale: float, radius: Callable[[float], float], colour: str, angle: float = 0.0
) -> None:
    """A closed curve in polar form; angle 0 points up."""
    points = [
        (
            x + scale * radius(t) * math.sin(t + angle),
            y - scale * radius(t) * math.cos(t + angle),
        )
        for t in (math.tau * step / 90 for step in range(90))
    ]
    draw.polygon(points, fill=colour)


def _leaf(draw: Draw, x: float, y: float, length: float, angle: float, colour: str, vein: str | None = None) -> None:
    """A pointed leaf from its stalk at (x, y)."""
    along, across = (math.sin(angle), -math.cos(angle)), (math.cos(angle), math.sin(angle))

    def at(share: float, side: float) -> Point:
        wide = 0.24 * length * math.sin(math.pi * share**0.8) * side
        return (x + along[0] * length * share + across[0] * wide, y + along[1] * length * share + across[1] * wide)

    draw.polygon([at(s / 20, 1) for s in range(21)] + [at(1 - s / 20, -1) for s in range(21)], fill=colour)
    if vein:
        draw.line([at(0, 0), at(0.92, 0)], fill=vein, width=5)
        for s in (0.3, 0.5, 0.7):
            for side in (0.7, -0.7):
                draw.line([at(s, 0), at(s + 0.13, side)], fill=vein, width=3)


def _strawberry_at(draw: Draw, x: float, y: float, scale: float, angle: float) -> None:
    def heart(t: float) -> float:
        return 1.0 - 0.28 * math.pow(abs(math.sin(t)), 1.5) + 0.28 * max(0.0, -math.cos(t)) ** 3

    _shape(draw, x, y, scale, heart, "#b3121f", angle)
    _shape(draw, x - 0.05 * scale, y - 0.05 * scale, 0.9 * scale, heart, "#dd2433", angle)
    for row, count in ((-0.42, 3), (-0.12, 4), (0.18, 3), (0.46, 2), (0.74, 1)):
        for column in range(count):
            dx, dy = (column - (count - 1) / 2) * 0.36 * scale, row * scale
            px, py = dx * math.cos(angle) - dy * math.sin(angle), dx * math.sin(angle) + dy * math.cos(angle)
            _dot(draw, x + px, y + py, 0.035 * scale, "#ffe08a", 0.055 * scale)
    _dot(draw, x - 0.38 * scale, y - 0.4 * scale, 0.12 * scale, "#f58c92", 0.2 * scale)
    top = (x + 0.78 * scale * math.sin(angle), y - 0.78 * scale * math.cos(angle))
    for turn in (-1.9, -1.1, 0.0, 1.1, 1.9):
        _leaf(draw, *top, 0.5 * scale, angle + turn, "#3c9a3f")


def _strawberry(draw: Draw) -> None:
    _leaf(draw, 215, 130, 150, 0.9, "#4aa84d", "#2f7f35")
    _strawberry_at(draw, 262, 232, 82, 0.45)
    _strawberry_at(draw, 150, 222, 104, -0.25)


def _blueberry(draw: Draw) -> None:
    for turn in (-0.9, 0.1, 1.0):
        _leaf(draw, 200, 190, 150, turn, "#4d9a58", "#2f6f3b")
    for x, y, r in ((132, 212, 70), (268, 206, 70), (200, 282, 74), (205, 180, 58)):
        _dot(draw, x, y, r, "#1d2a5e")
        _dot(draw, x - 4, y - 4, r - 6, "#35488f")
        _dot(draw, x - 12, y - 16, r * 0.55, "#4b61ad")
        _shape(draw, x + 8, y - 10, r * 0.4, lambda t: 0.75 + 0.25 * math.cos(5 * t), "#16204a")
        _dot(draw, x + 8, y - 10, r * 0.16, "#2b3a78")
        _dot(draw, x - r * 0.42, y - r * 0.45, r * 0.12, "#b5c2ee")


def _orange(draw: Draw) -> None:
    _leaf(draw, 150, 120, 130, 0.95, "#3f9b45", "#27702f")
    _dot(draw, 152, 205, 108, "#e06c00")
    _dot(draw, 146, 198, 100, "#f98a12")
    _dot(draw, 112, 158, 24, "#ffc069", 16)
    _dot(draw, 250, 262, 98, "#f07d00")
    _dot(draw, 250, 262, 88, "#fff1d0")
    for part in range(9):
        t = math.tau * part / 9
        wedge = [
            (250 + r * math.cos(t + turn), 262 + r * math.sin(t + turn))
            for r, turn in ((10, 0.35), (76, 0.08), (81, 0.35), (76, 0.62))
        ]
        draw.polygon(wedge, fill="#ff9d1f")


def _pear_at(draw: Draw, x: float, y: float, r: float, lean: float) -> None:
    for grow, dx, colour in ((1.0, 4, "#7fa324"), (0.92, 0, "#c3d944"), (0.55, -0.24 * r, "#dcea82")):
        for step in range(31):
            share = step / 30
            radius = grow * r * (1 - 0.56 * (0.5 - 0.5 * math.cos(math.pi * share)))
            _dot(
                draw, x + dx + 1.45 * r * share * math.sin(lean), y - 1.45 * r * share * math.cos(lean), radius, colour
            )


def _pear(draw: Draw) -> None:
    draw.line([(262, 130), (282, 92)], fill="#5b3d18", width=11)
    _pear_at(draw, 262, 268, 68, 0.1)
    draw.line([(140, 112), (146, 62)], fill="#5b3d18", width=13)
    _leaf(draw, 144, 92, 130, 1.15, "#2f8a3a", "#1d6428")
    _pear_at(draw, 150, 258, 86, -0.06)


def _mint(draw: Draw) -> None:
    for length, turn in ((150, 2.2), (150, -2.2), (170, 1.25), (170, -1.25), (190, 0.0)):
        _leaf(draw, 200, 250, length, turn, "#1f8f5f", "#bdf0cf")
    for turn in (-0.62, 0.62):
        _leaf(draw, 200, 262, 120, turn, "#37b57c", "#dcf8e6")


def _hibiscus(draw: Draw) -> None:
    for turn in (2.3, -2.3):
        _leaf(draw, 200, 210, 175, turn, "#2f7a44", "#9fd0a4")
    for part in range(5):
        t = math.tau * part / 5
        _dot(draw, 200 + 78 * math.sin(t), 200 - 78 * math.cos(t), 70, "#b3124e")
    for part in range(5):
        t = math.tau * part / 5
        _dot(draw, 200 + 76 * math.sin(t), 200 - 76 * math.cos(t), 60, "#e2346f")
    for part in range(5):
        t = math.tau * part / 5
        _leaf(draw, 200, 200, 112, t, "#f0719b")
    _dot(draw, 200, 200, 34, "#7d0a33")
    draw.line([(200, 200), (262, 132)], fill="#ffd84d", width=12)
    for step in range(5):
        _dot(draw, 232 + 9 * step, 165 - 10 * step + 8 * (step % 2), 9, "#ffe98a")


def _tomato(draw: Draw) -> None:
    for x, y, r in ((266, 232, 92), (152, 222, 112)):
        _dot(draw, x, y, r, "#a80f12", r * 0.9)
        _dot(draw, x - 4, y - 5, r - 7, "#dc2a20", r * 0.82)
        _dot(draw, x - r * 0.42, y - r * 0.38, r * 0.2, "#f58f7c", r * 0.13)
        for turn in range(5):
            _leaf(draw, x, y - r * 0.72, r * 0.5, turn * math.tau / 5 + 0.3, "#2f8a35")


def _carrot(draw: Draw) -> None:
    for x, y, angle, length in ((235, 128, 0.42, 230), (150, 118, -0.12, 240)):
        for turn in (-0.5, -0.1, 0.35):
            _leaf(draw, x, y + 8, 112, angle + turn, "#3f9a3a", "#2a6f2a")
        down = (-math.sin(angle), math.cos(angle))
        for grow, colour in ((1.0, "#b9520c"), (0.88, "#ee7d22")):
            for step in range(40):
                share = step / 40
                radius = grow * 46 * (1 - share) ** 0.8
                _dot(draw, x + down[0] * length * share, y + 20 + down[1] * length * share, radius, colour)
        for share in (0.15, 0.35, 0.55):
            px, py, r = x + down[0] * length * share, y + 20 + down[1] * length * share, 30 * (1 - share)
            draw.line([(px - r, py), (px + r * 0.3, py + 5)], fill="#b9520c", width=5)


def _cow(draw: Draw) -> None:
    _dot(draw, 200, 420, 260, "#4f9f5e", 130)
    _dot(draw, 310, 90, 36, "#ffd45a")
    for x in (118, 158, 242, 276):
        draw.rectangle((x, 230, x + 20, 320), fill="#26221f")
    draw.rounded_rectangle((104, 150, 300, 252), 44, fill="#ffffff")
    for x, y, rx, ry in ((150, 182, 34, 26), (230, 215, 30, 22), (262, 168, 22, 16)):
        _dot(draw, x, y, rx, "#26221f", ry)
    draw.polygon([(72, 120), (142, 120), (130, 204), (84, 204)], fill="#ffffff")
    draw.polygon([(72, 120), (106, 120), (98, 170), (80, 180)], fill="#26221f")
    _dot(draw, 107, 200, 26, "#f0b3a8", 17)
    _dot(draw, 66, 130, 20, "#26221f", 11)
    _dot(draw, 150, 130, 20, "#26221f", 11)
    _dot(draw, 122, 148, 6, "#26221f")
    draw.line([(298, 170), (322, 240)], fill="#26221f", width=8)


def _cloud(draw: Draw) -> None:
    _dot(draw, 262, 150, 62, "#ffd978")
    for x, y, r in ((130, 240, 62), (200, 205, 80), (275, 240, 62)):
        _dot(draw, x, y, r, "#ffffff")
    draw.rounded_rectangle((70, 236, 336, 302), 33, fill="#ffffff")
    for y in (330, 352):
        draw.line([(120, y), (280, y)], fill="#c9bdf0", width=9)


def _wheat(draw: Draw) -> None:
    for x, lean in ((140, -0.22), (200, 0.0), (260, 0.22)):
        draw.line([(200 + (x - 200) * 0.4, 350), (x, 150)], fill="#8a5a12", width=9)
        for step in range(5):
            y = 170 + 32 * step
            px = x - (x - 200) * 0.6 * (y - 150) / 200
            _leaf(draw, px, y, 56, lean + 0.65, "#c98a1b")
            _leaf(draw, px, y, 56, lean - 0.65, "#dfa437")
        _leaf(draw, x, 158, 66, lean, "#c98a1b")


def _coffee(draw: Draw) -> None:
    for x, y, angle, r in ((145, 215, -0.5, 92), (262, 190, 0.5, 84), (225, 292, 0.1, 66)):
        _shape(draw, x + 5, y + 6, r, lambda t: 1 - 0.3 * math.sin(t) ** 2, "#2a140a", angle)
        _shape(draw, x, y, r, lambda t: 1 - 0.3 * math.sin(t) ** 2, "#6f3f20", angle)
        crease = [
            (
                x + (s * math.sin(angle) + 0.14 * math.sin(4 * s) * math.cos(angle)) * r,
                y - (s * math.cos(angle) - 0.14 * math.sin(4 * s) * math.sin(angle)) * r,
            )
            for s in (step / 10 - 0.9 for step in range(19))
        ]
        draw.line(crease, fill="#2a140a", width=9, joint="curve")


_PANELS: dict[str, tuple[str, str, Callable[[Draw], None]]] = {
    "strawberry": ("#ffe9ea", "#ff9fa6", _strawberry),
    "blueberry": ("#e8edff", "#94a8f0", _blueberry),
    "orange": ("#fff0c9", "#ffc24d", _orange),
    "pear": ("#f3f8d0", "#c7de7a", _pear),
    "mint": ("#e4f7ea", "#9adbb4", _mint),
    "hibiscus": ("#ffe6ee", "#f49ab8", _hibiscus),
    "tomato": ("#ffe9df", "#f7a58d", _tomato),
    "carrot": ("#fff0dc", "#f7c184", _carrot),
    "cow": ("#dff1fb", "#a9d8f0", _cow),
    "cloud": ("#dfe3fb", "#b3b6f0", _cloud),
    "wheat": ("#fff3d3", "#f3cf77", _wheat),
    "coffee": ("#f7e2c2", "#d7a86a", _coffee),
}
