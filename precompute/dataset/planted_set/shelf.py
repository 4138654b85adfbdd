"""What stands round the package: wall, blurred neighbours, board, rail and price tag, and the shadow it casts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from precompute.dataset.planted_set.camera import Camera, Floats, lay
from precompute.dataset.planted_set.typography import BOLD, REGULAR, Box, set_word

# Wall above, wall below, board far, board near, rail.
_STORES = (
    ("#59636e", "#2f363e", "#9a9fa3", "#e3e5e4", "#f4f4f2"),
    ("#8a7660", "#4a3c2e", "#8b6a45", "#c99f6c", "#6d4a2c"),
    ("#6f8087", "#3b474c", "#aeb8b7", "#eef1ee", "#b3262b"),
    ("#a49a8c", "#5f564b", "#a88f70", "#e0c8a2", "#f1ede4"),
    ("#45566b", "#222c3b", "#7d8792", "#cfd5da", "#2c6b4f"),
)
_PACKS = ("#b8433a", "#d9a441", "#4f7f5b", "#3f6a93", "#e6ded0", "#7a5a8c", "#c96f3b", "#8fb0a8", "#efe9dc", "#5b4a3f")

BOARD_NEAR, BOARD_FAR, RAIL = 0.6, -1.35, 0.2
TAG: tuple[int, int] = (230, 104)


@dataclass(frozen=True)
class Neighbour:
    """A package that is no product of the catalogue; `x`, `z` its foot, sizes in the world's units."""

    x: float
    z: float
    width: float
    height: float
    colours: tuple[str, str]
    round_mark: bool


@dataclass(frozen=True)
class Shelf:
    """All that surrounds a package; independent of the product that stands there."""

    store: int
    neighbours: tuple[Neighbour, ...]
    tag_x: float


def random_shelf(random: np.random.Generator) -> Shelf:
    """A shelf with a row of packages behind and one to either side."""
    row = []
    for z, blocks in ((-1.15, np.arange(-2.2, 2.3, 0.62)), (-0.12, (-1.12, 1.12))):
        for x in blocks:
            first, second = random.choice(len(_PACKS), 2, replace=False)
            row.append(
                Neighbour(
                    x=float(x + random.uniform(-0.05, 0.05)),
                    z=z,
                    width=float(random.uniform(0.5, 0.6) if z < -1 else random.uniform(0.6, 0.78)),
                    height=float(random.uniform(0.8, 1.35)),
                    colours=(_PACKS[first], _PACKS[second]),
                    round_mark=bool(random.random() < 0.5),
                )
            )
    return Shelf(int(random.integers(len(_STORES))), tuple(row), float(random.uniform(-0.35, 0.1)))


def draw_shelf(shelf: Shelf, camera: Camera, size: int, price: str) -> Image.Image:
    """The shelf without its package, RGB [size, size]; what is out of focus is drawn small and blurred."""
    shrink = 4
    small = size // shrink
    wall_top, wall_low, far, near, rail = _STORES[shelf.store]
    picture = Image.composite(
        Image.new("RGB", (small, small), wall_low), Image.new("RGB", (small, small), wall_top), _ramp(small)
    )
    behind = [n for n in shelf.neighbours if n.z < -1]
    _draw_board(picture, camera, shrink, far, near)
    for neighbour in behind:
        _draw_neighbour(picture, neighbour, camera, shrink)
    picture = picture.filter(ImageFilter.GaussianBlur(small / 52))
    veil = Image.new("RGB", picture.size, wall_low)
    picture = Image.blend(picture, veil, 0.22)
    _draw_board(picture, camera, shrink, far, near, upto=-0.8)
    for neighbour in shelf.neighbours:
        if neighbour.z >= -1:
            _draw_shadow(picture, _foot(neighbour), camera, shrink, ((0.05, 0.0),))
            _draw_neighbour(picture, neighbour, camera, shrink)
    picture = picture.filter(ImageFilter.GaussianBlur(small / 90))
    picture = picture.resize((size, size), Image.Resampling.BILINEAR)
    _draw_rail(picture, camera, rail)
    tag = _tag(price)
    corners = np.array([[0, 0], [TAG[0], 0], [TAG[0], TAG[1]], [0, TAG[1]]], dtype=np.float64)
    lay(picture, tag, corners, camera.project(on_tag(shelf, corners)))
    return picture


def on_tag(shelf: Shelf, pixels: Floats) -> Floats:
    """World points [n, 3] of pixels [n, 2] of the price tag."""
    scale = 0.44 / TAG[0]
    x = shelf.tag_x + pixels[:, 0] * scale
    return np.stack([x, 0.01 - pixels[:, 1] * scale, np.full(len(x), BOARD_NEAR + 0.02)], axis=1)


def draw_shadow(picture: Image.Image, footprint: Floats, camera: Camera, lean: tuple[float, float]) -> None:
    """Darken the board where a package stands and, by `lean` in x and z, where it keeps the light away."""
    _draw_shadow(picture, footprint, camera, 1, (lean, (lean[0] / 2, lean[1] / 2), (0.0, 0.0)))


@cache
def price_box(price: str) -> Box:
    """Where the price stands on the tag, in pixels of the tag."""
    return set_word(_blank_tag(), price, (12, 12, 150, 62), BOLD, "#1a1a1a", anchor="left")


@cache
def _tag(price: str) -> Image.Image:
    tag = _blank_tag()
    set_word(tag, price, (12, 12, 150, 62), BOLD, "#1a1a1a", anchor="left")
    set_word(tag, "kr / st", (12, 74, 90, 90), REGULAR, "#444444", anchor="left")
    draw = ImageDraw.Draw(tag)
    for bar in range(18):
        if bar * 7 % 5 != 2:
            draw.rectangle((160 + 3 * bar, 66, 161 + 3 * bar + bar % 2, 94), fill="#222222")
    return tag


def _blank_tag() -> Image.Image:
    tag = Image.new("RGB", TAG, "#fdf9ea")
    ImageDraw.Draw(tag).rectangle((0, 0, TAG[0], 6), fill="#f0c419")
    return tag


@cache
def _ramp(size: int) -> Image.Image:
    return Image.linear_gradient("L").resize((size, size))


def _project(camera: Camera, points: list[tuple[float, float, float]], shrink: int) -> list[tuple[float, float]]:
    return [(x / shrink, y / shrink) for x, y in camera.project(np.array(points, dtype=np.float64)).tolist()]


def _draw_board(
    picture: Image.Image, camera: Camera, shrink: int, far: str, near: str, upto: float = BOARD_FAR
) -> None:
    """The board in bands that grow lighter towards the viewer, the wall's shade beneath the rail."""
    draw = ImageDraw.Draw(picture)
    bands = np.linspace(upto, BOARD_NEAR, 14)
    dark, light = np.array(_rgb(far)), np.array(_rgb(near))
    for back, front in pairwise(bands):
        share = (front - BOARD_FAR) / (BOARD_NEAR - BOARD_FAR)
        colour = tuple(int(v) for v in dark + (light - dark) * share)
        band = [(-4.0, 0.0, float(back)), (4.0, 0.0, float(back)), (4.0, 0.0, float(front)), (-4.0, 0.0, float(front))]
        draw.polygon(_project(camera, band, shrink), fill=colour)
    below = [(-4.0, 0.0, BOARD_NEAR), (4.0, 0.0, BOARD_NEAR), (4.0, -1.5, BOARD_NEAR), (-4.0, -1.5, BOARD_NEAR)]
    draw.polygon(_project(camera, below, shrink), fill="#1d1c1b")


def _draw_neighbour(picture: Image.Image, neighbour: Neighbour, camera: Camera, shrink: int) -> None:
    draw = ImageDraw.Draw(picture)
    left, right, z = neighbour.x - neighbour.width / 2, neighbour.x + neighbour.width / 2, neighbour.z + 0.2
    inner = right if neighbour.x < 0 else left
    high = neighbour.height
    dark = tuple(int(v * 0.62) for v in _rgb(neighbour.colours[0]))
    flank = [(inner, high, z), (inner, high, z - 0.5), (inner, 0.0, z - 0.5), (inner, 0.0, z)]
    draw.polygon(_project(camera, flank, shrink), fill=dark)
    lid = [(left, high, z), (right, high, z), (right, high, z - 0.5), (left, high, z - 0.5)]
    draw.polygon(_project(camera, lid, shrink), fill=tuple(int(v * 0.9) for v in _rgb(neighbour.colours[0])))

    def front(low: float, top: float, colour: str, inset: float = 0.0) -> None:
        corners = [(left + inset, top, z), (right - inset, top, z), (right - inset, low, z), (left + inset, low, z)]
        draw.polygon(_project(camera, corners, shrink), fill=tuple(int(v * 0.84) for v in _rgb(colour)))

    front(0, high, neighbour.colours[0])
    front(0.72 * high, 0.84 * high, "#f4f0e6", 0.12 * neighbour.width)
    if neighbour.round_mark:
        angles = np.linspace(0, 2 * np.pi, 20, endpoint=False)
        r = 0.3 * neighbour.width
        ring = [(neighbour.x + r * float(np.cos(a)), 0.4 * high + r * float(np.sin(a)), z) for a in angles]
        draw.polygon(_project(camera, ring, shrink), fill=neighbour.colours[1])
    else:
        front(0.12 * high, 0.5 * high, neighbour.colours[1])


def _foot(neighbour: Neighbour) -> Floats:
    half = neighbour.width / 2
    corners = [(-half, 0.25), (half, 0.25), (half, -0.3), (-half, -0.3)]
    return np.array([(neighbour.x + x, 0.0, neighbour.z + z) for x, z in corners])


def _draw_rail(picture: Image.Image, camera: Camera, colour: str) -> None:
    draw = ImageDraw.Draw(picture)
    levels = np.linspace(0, -RAIL, 9)
    base = np.array(_rgb(colour))
    z = BOARD_NEAR + 0.01
    for step, (top, low) in enumerate(pairwise(levels)):
        gain = (1.08, 1.0, 0.96, 0.93, 0.9, 0.86, 0.8, 0.66)[step]
        face = [(-4.0, float(top), z), (4.0, float(top), z), (4.0, float(low), z), (-4.0, float(low), z)]
        draw.polygon(_project(camera, face, 1), fill=tuple(int(v) for v in np.clip(base * gain, 0, 255)))


def _draw_shadow(
    picture: Image.Image, footprint: Floats, camera: Camera, shrink: int, leans: tuple[tuple[float, float], ...]
) -> None:
    """Soft shadows, the last one the darkest and sharpest; drawn small and blurred."""
    coarse = 1 if shrink > 1 else 4
    shade = Image.new("L", (picture.width // coarse, picture.height // coarse))
    middle = footprint.mean(axis=0)
    for step, lean in enumerate(leans):
        foot = step == len(leans) - 1
        outline = (footprint - middle) * 1.04 + middle + np.array([lean[0], 0, lean[1]])
        points = [(x / shrink / coarse, y / shrink / coarse) for x, y in camera.project(outline).tolist()]
        ImageDraw.Draw(shade).polygon(points, fill=(90, 120)[min(step, 1)] if not foot else 165)
        shade = shade.filter(ImageFilter.GaussianBlur((1.3 if foot else 3.4) * shade.width / 96))
    picture.paste((8, 8, 10), (0, 0), shade if coarse == 1 else shade.resize(picture.size, Image.Resampling.BILINEAR))


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
