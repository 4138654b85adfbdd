"""One photograph: a pose drawn at random, the package on its shelf, and where its texts and evidence lie in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from precompute.dataset.planted_set.camera import Camera, Floats
from precompute.dataset.planted_set.carton import draw_carton
from precompute.dataset.planted_set.label import Printed, Role, front, polygon_of, side
from precompute.dataset.planted_set.package import Light, Package, footprint, height_of
from precompute.dataset.planted_set.pot import draw_pot
from precompute.dataset.planted_set.products import Look, Product
from precompute.dataset.planted_set.shelf import Shelf, draw_shadow, draw_shelf, on_tag, price_box, random_shelf

SIZE = 384
SUPERSAMPLE = 1.5
CANVAS = round(SIZE * SUPERSAMPLE)
SPARE, GRAIN = 128, 16.0  # the sheet of noise: pixels to move by, standard deviation
SIDE_IS_READ = 0.25  # turned by less than this, in radians, the side of a carton is too narrow to be read
Polygon = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Scene:
    """Everything that is random in a photograph; twins drawn in one scene differ in their evidence only."""

    camera: Camera
    yaw: float
    light: Light
    shelf: Shelf
    exposure: float
    warmth: float
    blur: float
    grain: float
    grain_offset: int


@dataclass(frozen=True)
class SeenText:
    """A text that can be read in the photograph, with its outline in pixels."""

    text: str
    role: Role
    polygon: Polygon


@dataclass(frozen=True)
class Photograph:
    """The picture, RGB [384, 384], the texts that are wholly in it, and the outline of the pictogram."""

    picture: Image.Image
    texts: tuple[SeenText, ...]
    region: Polygon


def random_scene(look: Look, random: np.random.Generator) -> Scene:
    """A pose, a light and a shelf for packages of one look."""
    height = height_of(look.shape)
    scale = random.uniform(0.94, 1.04) * {"gable": 221, "box": 240, "pot": 246, "can": 258}[look.shape]
    distance = random.uniform(3.4, 4.6)
    base = random.uniform(294, 308)
    pitch = random.uniform(0.10, 0.24)
    sink = height / 2 * scale * np.cos(pitch) * SUPERSAMPLE
    camera = Camera(
        turn=random.uniform(-0.1, 0.1),
        pitch=pitch,
        roll=random.uniform(-0.035, 0.035),
        distance=distance,
        focal=scale * distance * SUPERSAMPLE,
        centre=(SUPERSAMPLE * SIZE / 2 + SUPERSAMPLE * random.uniform(-16, 16), SUPERSAMPLE * base - sink),
        target_height=height / 2,
    )
    most = 0.5 if look.shape in ("gable", "box") else 0.22
    yaw = random.uniform(0.12, most) * random.choice((-1, 1))
    lamp = np.array([random.uniform(-0.75, 0.75), random.uniform(0.7, 1.0), random.uniform(0.8, 1.2)])
    return Scene(
        camera=camera,
        yaw=float(yaw),
        light=Light(lamp / np.linalg.norm(lamp), ambient=float(random.uniform(0.5, 0.68))),
        shelf=random_shelf(random),
        exposure=float(random.uniform(1.0, 1.28)),
        warmth=float(random.uniform(-0.06, 0.06)),
        blur=float(random.uniform(0.0, 0.7)),
        grain=float(random.uniform(0.8, 2.6)),
        grain_offset=int(random.integers(SPARE * SPARE)),
    )


def draw_backdrop(scene: Scene, look: Look) -> Image.Image:
    """The shelf with the shadow of the package, the same for both twins; RGB [576, 576]."""
    picture = draw_shelf(scene.shelf, scene.camera, CANVAS, look.price)
    lamp = scene.light.direction
    lean = (float(-0.55 * lamp[0] / lamp[1]), float(-0.3 * lamp[2] / lamp[1]))
    draw_shadow(picture, footprint(look.shape, scene.yaw), scene.camera, lean)
    return picture


def photograph(product: Product, scene: Scene, backdrop: Image.Image | None = None) -> Photograph:
    """Draw a product in a scene.

    Args:
        backdrop: of `draw_backdrop`, to share between twins; drawn where it is not given.
    """
    package = Package(product, scene.yaw)
    canvas = (draw_backdrop(scene, product.look) if backdrop is None else backdrop).copy()
    draw = draw_carton if product.look.shape in ("gable", "box") else draw_pot
    draw(package, canvas, scene.camera, scene.light)
    return Photograph(
        _develop(canvas.resize((SIZE, SIZE), Image.Resampling.BOX), scene),
        _texts(package, scene),
        _region(package, scene),
    )


def _develop(picture: Image.Image, scene: Scene) -> Image.Image:
    """Exposure, colour of the light, vignette, focus and grain."""
    if scene.blur > 0.3:
        picture = picture.filter(ImageFilter.BoxBlur(scene.blur))
    gains = (scene.exposure * (1 + scene.warmth), scene.exposure, scene.exposure * (1 - scene.warmth))
    picture = ImageChops.multiply(picture, _vignette()).point(_table(gains))
    across, down = divmod(scene.grain_offset, SPARE)
    grain = _grain().crop((across, down, across + SIZE, down + SIZE))
    grain = grain.point(np.rint(128 + (np.arange(256) - 128) * (scene.grain / GRAIN)).astype(int).tolist())
    return ImageChops.add(picture, Image.merge("RGB", [grain] * 3), offset=-128)


def _table(gains: tuple[float, float, float]) -> list[int]:
    """A look-up table that multiplies each of three channels."""
    levels = np.minimum(np.array(gains)[:, None] * np.arange(256), 255)
    table: list[int] = np.rint(levels).astype(int).ravel().tolist()
    return table


@cache
def _vignette() -> Image.Image:
    axis = np.linspace(-1, 1, SIZE) ** 2
    shade = 255 * (1 - 0.16 * (axis[:, None] + axis[None, :]) ** 1.5)
    return Image.merge("RGB", [Image.fromarray(shade.astype(np.uint8))] * 3)


@cache
def _grain() -> Image.Image:
    """A sheet of grey noise round 128 that photographs take their grain from, at an offset of their own."""
    noise = np.random.default_rng(0).standard_normal((SIZE + SPARE, SIZE + SPARE)) * GRAIN + 128
    return Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8))


def _texts(package: Package, scene: Scene) -> tuple[SeenText, ...]:
    look = package.product.look
    on_front = list(front(package.product).printed)
    with_side = look.shape in ("gable", "box") and abs(scene.yaw) > SIDE_IS_READ
    on_side = list(side(look).printed) if with_side else []
    price = Printed(look.price, "price", price_box(look.price))
    world = [package.on_front(_rims(on_front)), on_tag(scene.shelf, _rims([price]))]
    if on_side:
        world.insert(1, package.on_side(_rims(on_side)))
    rims = _pixels(scene, np.concatenate(world)).reshape(-1, 8, 2)
    return tuple(
        SeenText(text.text, text.role, _polygon(rim))
        for text, rim in zip([*on_front, *on_side, price], rims, strict=True)
        if rim.min() >= 0 and rim.max() <= SIZE
    )


def _region(package: Package, scene: Scene) -> Polygon:
    rim = package.on_front(np.array(polygon_of(front(package.product).disc)))
    return _polygon(np.clip(_pixels(scene, rim), 0, SIZE))


def _rims(texts: list[Printed]) -> Floats:
    """Eight points round each text, four above and four below, as texts on pots are bent; [8 n, 2]."""
    points = []
    for left, top, right, bottom in (text.box for text in texts):
        across = [left + (right - left) * share for share in (0, 1 / 3, 2 / 3, 1)]
        points += [(x, top) for x in across] + [(x, bottom) for x in reversed(across)]
    return np.array(points)


def _pixels(scene: Scene, world: Floats) -> Floats:
    """Pixels [n, 2] of the photograph where world points [n, 3] are seen."""
    return scene.camera.project(world) / SUPERSAMPLE


def _polygon(pixels: Floats) -> Polygon:
    return tuple((round(float(x), 1), round(float(y), 1)) for x, y in pixels)
