"""What is printed on a package: front and side as flat pictures, and where each text and the pictogram lie."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from PIL import Image, ImageColor, ImageDraw

from precompute.dataset.planted_set.layouts import PANELS, PLANS, WRAPS
from precompute.dataset.planted_set.pictograms import pictogram
from precompute.dataset.planted_set.products import Look, Motif, Product
from precompute.dataset.planted_set.typography import BOLD, ITALIC, REGULAR, Box, set_word

Role = Literal["brand", "name", "slogan", "word", "weight", "claim", "ingredient", "price"]


@dataclass(frozen=True)
class Printed:
    """A text and its box in pixels of the label."""

    text: str
    role: Role
    box: Box


@dataclass(frozen=True)
class Label:
    """A flat picture, RGB, with its texts; `disc` = centre x, centre y and radius of the pictogram."""

    picture: Image.Image
    printed: tuple[Printed, ...]
    disc: tuple[float, float, float] = (0.0, 0.0, 0.0)


@cache
def front(product: Product) -> Label:
    """The front of a package; on a pot or can the panel stands in the middle of what is wrapped round it."""
    look = product.look
    plan = PLANS[look.shape, look.arrangement]
    wide, high = PANELS[look.shape]
    whole = WRAPS[look.shape]
    left = (whole - wide) / 2
    picture = _ground(look.motif, look.base, look.second, (whole, high))

    def place(box: Box) -> Box:
        return (left + box[0] * wide, box[1] * wide, left + box[2] * wide, box[3] * wide)

    x, y, radius = left + plan.disc[0] * wide, plan.disc[1] * wide, plan.disc[2] * wide
    ring = Image.new("L", (4 * whole, 4 * high) if whole <= 400 else (2 * whole, 2 * high))
    zoom = ring.width / whole
    around = tuple(zoom * v for v in (x - radius - 5, y - radius - 5, x + radius + 5, y + radius + 5))
    ImageDraw.Draw(ring).ellipse(around, fill=255)
    picture.paste(look.accent, (0, 0), ring.resize((whole, high), Image.Resampling.BOX))
    panel = pictogram(product.picture, round(2 * radius))
    picture.paste(panel, (round(x - radius), round(y - radius)), panel)

    draw = ImageDraw.Draw(picture)
    ribbon = place(plan.word)
    draw.rounded_rectangle((ribbon[0] - 12, ribbon[1] - 7, ribbon[2] + 12, ribbon[3] + 7), 8, fill=look.accent)
    dark, light = sorted((look.base, look.ink), key=_luminance)
    on_ribbon = _mix(light if _luminance(look.accent) < 0.5 else dark, look.accent, 0.25)
    set_word(picture, product.word, _inset(ribbon), BOLD, on_ribbon, justify=True)
    printed = [Printed(product.word, "word", ribbon)]
    weight = place(plan.weight)
    set_word(picture, product.weight, _inset(weight), BOLD, look.ink)
    printed.append(Printed(product.weight, "weight", weight))
    texts: list[tuple[str, Role, Box, str]] = [
        (look.brand, "brand", plan.brand, look.brand_font),
        (look.name, "name", plan.name, "STIXGeneralBolIta"),
        (look.slogan, "slogan", plan.slogan, ITALIC),
        *((claim, "claim", box, REGULAR) for claim, box in zip(look.claims, plan.claims, strict=True)),
    ]
    for text, role, box, font in texts:
        printed.append(Printed(text, role, set_word(picture, text, place(box), font, look.ink)))
    return Label(picture, tuple(printed), (x, y, radius + 5))


@cache
def side(look: Look) -> Label:
    """The narrow side of a carton: ingredients and a bar code."""
    wide, high = 280, PANELS[look.shape][1]
    picture = _ground(look.motif, look.base, look.second, (wide, high))
    draw = ImageDraw.Draw(picture)
    printed = []
    for line, text in enumerate(look.ingredients):
        top = 0.16 * high + line * 34
        box = set_word(picture, text, (26, top, wide - 26, top + 20), REGULAR, look.ink, anchor="left")
        printed.append(Printed(text, "ingredient", box))
    draw.rounded_rectangle((60, high - 150, wide - 60, high - 60), 4, fill="#fdfdfb")
    x = 72.0
    for bar in np.random.default_rng(len(look.brand) + high).integers(1, 5, 60).tolist():
        if x + bar > wide - 72:
            break
        draw.rectangle((x, high - 142, x + bar, high - 76), fill="#151515")
        x += bar + 2.5
    return Label(picture, tuple(printed))


def polygon_of(disc: tuple[float, float, float], corners: int = 24) -> list[tuple[float, float]]:
    """The rim of a pictogram in pixels of the label."""
    x, y, r = disc
    turns = [math.tau * step / corners for step in range(corners)]
    return [(x + r * math.cos(turn), y + r * math.sin(turn)) for turn in turns]


def _inset(box: Box, by: float = 1.5) -> Box:
    return (box[0] + by, box[1] + by, box[2] - by, box[3] - by)


def _luminance(colour: str) -> float:
    r, g, b = ImageColor.getrgb(colour)[:3]
    return (0.299 * r + 0.587 * g + 0.114 * b) / 255


def _mix(first: str, second: str, share: float) -> str:
    """The first colour with a share of the second."""
    pairs = zip(ImageColor.getrgb(first)[:3], ImageColor.getrgb(second)[:3], strict=True)
    return "#{:02x}{:02x}{:02x}".format(*(round(a * (1 - share) + b * share) for a, b in pairs))


def _ground(motif: Motif, base: str, second: str, size: tuple[int, int]) -> Image.Image:
    """The coloured ground of a package, smoothed over 2 x 2 points."""
    wide, high = size[0] * 2, size[1] * 2
    picture = Image.new("RGB", (wide, high), base)
    draw = ImageDraw.Draw(picture)
    soft = _mix(base, second, 0.45)
    if motif == "hills":
        for level, colour, height in ((0.66, soft, 60), (0.74, _mix(base, second, 0.75), 50), (0.82, second, 40)):
            ridge = [(x, high * level + height * math.sin(x / 130 + level * 40)) for x in range(0, wide + 20, 20)]
            draw.polygon([*ridge, (wide, high), (0, high)], fill=colour)
        draw.rectangle((0, high * 0.885, wide, high), fill=base)
    elif motif == "waves":
        for level, colour in ((0.06, soft), (0.5, second), (0.56, base), (0.93, second)):
            crest = [(x, high * level + 16 * math.sin(x / 55 + level * 9)) for x in range(0, wide + 10, 10)]
            draw.polygon([*crest, (wide, high), (0, high)], fill=colour)
        draw.rectangle((0, 0, wide, high * 0.02), fill=second)
    elif motif == "rays":
        for step in range(24):
            turns = (math.tau * step / 24, math.tau * (step + 0.5) / 24)
            reach = 2 * wide
            rim = [(wide / 2 + reach * math.cos(t), high * 0.55 + reach * math.sin(t)) for t in turns]
            draw.polygon([(wide / 2, high * 0.55), *rim], fill=soft)
        for y in (0.018, 0.97):
            draw.rectangle((0, high * y, wide, high * y + 12), fill=second)
    elif motif == "stripes":
        for x in range(0, wide, 80):
            draw.rectangle((x, 0, x + 38, high), fill=soft)
        for y in (0.02, 0.965):
            draw.rectangle((0, high * y, wide, high * y + 10), fill=second)
    elif motif == "dots":
        for row in range(high // 46 + 1):
            for column in range(wide // 60 + 1):
                x, y = column * 60 + 30 * (row % 2), row * 46
                draw.ellipse((x - 9, y - 9, x + 9, y + 9), fill=soft)
        draw.rectangle((0, high * 0.94, wide, high), fill=second)
    else:
        for row in range(high // 110 + 1):
            for column in range(wide // 120 + 1):
                x, y = column * 120 + 60 * (row % 2), row * 110
                draw.chord((x - 44, y - 80, x + 44, y + 8), 20, 160, fill=soft)
                draw.chord((x - 44, y - 56, x + 44, y + 32), 200, 340, fill=soft)
    return picture.reduce(2)
