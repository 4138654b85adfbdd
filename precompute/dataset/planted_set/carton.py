"""Gable-top cartons and boxes: flat faces in true perspective, each shaded by the light that it gets."""

from __future__ import annotations

from functools import cache

import numpy as np
from PIL import Image, ImageColor, ImageDraw

from precompute.dataset.planted_set.camera import Camera, Floats, lay
from precompute.dataset.planted_set.label import side
from precompute.dataset.planted_set.package import FIN, GABLE, SIZES, Light, Package
from precompute.dataset.planted_set.products import Look
from precompute.dataset.planted_set.texture import BLEED, bleeding, front_texture


def draw_carton(package: Package, canvas: Image.Image, camera: Camera, light: Light) -> None:
    """Draw a gable-top carton or a box over the canvas, RGB, to which the camera projects."""
    look = package.product.look
    wide, deep, high = SIZES[look.shape]
    left, right, near, far = -wide / 2, wide / 2, deep / 2, -deep / 2
    hand = package.visible_hand
    x, first, last = (right, near, far) if hand > 0 else (left, far, near)
    base = _plain(look.base)
    faces = [(_side_texture(look), [(x, high, first), (x, high, last), (x, 0, last), (x, 0, first)])]
    if look.shape == "box":
        faces.append((base, [(left, high, far), (right, high, far), (right, high, near), (left, high, near)]))
    else:
        ridge, tip = high + GABLE, 0.4 * x
        # Seen from the side: the back slope from below, the triangle folded inwards, then the front slope.
        faces.append((base, [(right, ridge, 0), (left, ridge, 0), (left, high, far), (right, high, far)]))
        faces.append((base, [(tip, ridge, first / 40), (tip, ridge, last / 40), (x, high, last), (x, high, first)]))
        slope = [(left, ridge, 0.0), (right, ridge, 0.0), (right, high, near), (left, high, near)]
        faces.append((_plain(look.second), slope))
        top = ridge + FIN
        faces.append((base, [(left, top, 0), (right, top, 0), (right, ridge, 0), (left, ridge, 0)]))
    front_face = [(left, high, near), (right, high, near), (right, 0.0, near), (left, 0.0, near)]
    faces.append((front_texture(package.product), front_face))
    for texture, corners in faces:
        world = package.turn(np.array(corners, dtype=np.float64))
        normal = np.cross(world[2] - world[0], world[1] - world[0])
        shade = float(light.on(normal / np.linalg.norm(normal)))
        lay(canvas, texture.point(_dimmed(shade)), _inner(texture), camera.project(world))
    if look.shape == "gable":
        _draw_cap(package, canvas, camera, light)


def _draw_cap(package: Package, canvas: Image.Image, camera: Camera, light: Light) -> None:
    """The screw cap on the front slope of a gable-top carton."""
    _, deep, high = SIZES["gable"]
    slope = np.array([0, GABLE, -deep / 2])
    normal = np.array([0, deep / 2, GABLE])
    slope, normal = slope / np.linalg.norm(slope), normal / np.linalg.norm(normal)
    middle = np.array([0, high + GABLE * 0.5, deep / 4])
    angles = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    rim = 0.115 * (np.cos(angles)[:, None] * np.array([1, 0, 0]) + np.sin(angles)[:, None] * slope)
    colour = np.array(ImageColor.getrgb(package.product.look.accent)[:3])
    draw = ImageDraw.Draw(canvas)
    shade = float(light.on(package.turn(normal[None]))[0])
    for lift in np.linspace(0, 0.07, 6):
        ring = camera.project(package.turn(middle + rim + lift * normal))
        side_colour = tuple(int(v) for v in np.clip(colour * 0.6 * shade + 18, 0, 255))
        draw.polygon([tuple(p) for p in ring.tolist()], fill=side_colour)
    for size, gain in ((1.0, 1.0), (0.8, 1.12)):
        ring = camera.project(package.turn(middle + size * rim + 0.07 * normal))
        top_colour = tuple(int(v) for v in np.clip(colour * gain * shade + 24, 0, 255))
        draw.polygon([tuple(p) for p in ring.tolist()], fill=top_colour)


def _dimmed(shade: float) -> list[int]:
    """A look-up table that darkens all three channels."""
    table: list[int] = np.minimum(np.arange(256) * shade, 255).astype(int).tolist()
    return table * 3


def _inner(texture: Image.Image) -> Floats:
    right, bottom = texture.width - BLEED, texture.height - BLEED
    return np.array([[BLEED, BLEED], [right, BLEED], [right, bottom], [BLEED, bottom]], dtype=np.float64)


@cache
def _side_texture(look: Look) -> Image.Image:
    return bleeding(side(look).picture)


@cache
def _plain(colour: str) -> Image.Image:
    return Image.new("RGB", (64, 64), colour)
