"""Pots and cans: a label wrapped round a cone, found by following the camera's rays, and a lid."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops, ImageColor, ImageDraw

from precompute.dataset.planted_set.camera import Camera, Floats
from precompute.dataset.planted_set.layouts import PANELS, WRAPS
from precompute.dataset.planted_set.package import SIZES, Light, Package, turned, wrap_angle
from precompute.dataset.planted_set.texture import BLEED, front_texture

COLUMNS, ROWS = 36, 9  # cells of the mesh that the label is laid over the picture with


def draw_pot(package: Package, canvas: Image.Image, camera: Camera, light: Light) -> None:
    """Draw a pot or can over the canvas, RGB, to which the camera projects."""
    below, above, height = SIZES[package.product.look.shape]
    outline = _wall(camera, below, above, 0, height)
    low, high = np.floor(outline.min(axis=(0, 1))), np.ceil(outline.max(axis=(0, 1)))
    size = (int(high[0] - low[0]), int(high[1] - low[1]))
    # Finer towards the sides, where the label turns away.
    xs = np.rint(size[0] * (0.5 - 0.5 * np.cos(np.pi * np.arange(COLUMNS + 1) / COLUMNS))).astype(int)
    ys = np.rint(np.linspace(0, size[1], ROWS + 1)).astype(int)
    grid = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
    found = _label_pixels(package, camera, grid + low).reshape(ROWS + 1, COLUMNS + 1, 2)
    mesh = []
    for row in range(ROWS):
        for column in range(COLUMNS):
            box = (int(xs[column]), int(ys[row]), int(xs[column + 1]), int(ys[row + 1]))
            corners = ((row, column), (row + 1, column), (row + 1, column + 1), (row, column + 1))
            mesh.append((box, tuple(float(value) for corner in corners for value in found[corner])))
    label = _shaded(package, camera, light).transform(size, Image.Transform.MESH, mesh, Image.Resampling.BILINEAR)
    mask = Image.new("L", (2 * size[0], 2 * size[1]))
    draw = ImageDraw.Draw(mask)
    for strip in (outline - low) * 2:
        draw.polygon([tuple(corner) for corner in strip.tolist()], fill=255)
    canvas.paste(label, (int(low[0]), int(low[1])), mask.reduce(2))
    _draw_lid(package, canvas, camera, light)


def _wall(camera: Camera, below: float, above: float, foot: float, top: float) -> Floats:
    """A round wall between two heights as upright strips, in pixels [n, 4, 2]."""
    angles = np.linspace(0, 2 * np.pi, 65)
    ring = np.stack([np.sin(angles), 0 * angles, np.cos(angles)], axis=1)
    upper, lower = (camera.project(ring * r + np.array([0, y, 0])) for r, y in ((above, top), (below, foot)))
    return np.stack([upper[:-1], upper[1:], lower[1:], lower[:-1]], axis=1)


def _label_pixels(package: Package, camera: Camera, pixels: Floats) -> Floats:
    """Where the rays through pixels [n, 2] meet the wall, in pixels of the texture; beside it, where they pass it."""
    shape = package.product.look.shape
    below, above, high = SIZES[shape]
    o = turned(camera.position[None], -package.yaw)[0]
    d = turned(camera.rays(pixels), -package.yaw)
    slope = (above - below) / high
    # |(x, z)| = below + slope * y along o + t d, the nearer of two solutions.
    a = d[:, 0] ** 2 + d[:, 2] ** 2 - (slope * d[:, 1]) ** 2
    b = d[:, 0] * o[0] + d[:, 2] * o[2] - slope * d[:, 1] * (below + slope * o[1])
    c = o[0] ** 2 + o[2] ** 2 - (below + slope * o[1]) ** 2
    t = (-b - np.sqrt(np.maximum(b**2 - a * c, 0))) / a
    hit = o + t[:, None] * d
    across = 0.5 + np.arctan2(hit[:, 0], hit[:, 2]) / wrap_angle(shape)
    down = 1 - hit[:, 1] / high
    return np.stack([across * WRAPS[shape], down * PANELS[shape][1]], axis=1) + BLEED


def _shaded(package: Package, camera: Camera, light: Light) -> Image.Image:
    """The label with the light and the gloss that its place on the wall gets."""
    texture = front_texture(package.product)
    angle = (np.linspace(0, 1, texture.width) - 0.5) * wrap_angle(package.product.look.shape) + package.yaw
    normals = np.stack([np.sin(angle), 0 * angle, np.cos(angle)], axis=1)
    half = light.direction + camera.position / np.linalg.norm(camera.position)
    gloss = np.clip(normals @ (half / np.linalg.norm(half)), 0, None) ** 40
    shade, shine = (_columns(levels, texture.height) for levels in (255 * light.on(normals), 38 * gloss))
    return ImageChops.add(ImageChops.multiply(texture, shade), shine)


def _draw_lid(package: Package, canvas: Image.Image, camera: Camera, light: Light) -> None:
    """A foil lid with a rim on the pot, a metal lid with rings on the can."""
    shape = package.product.look.shape
    _, above, high = SIZES[shape]
    metal = np.array([206, 208, 212]) if shape == "can" else np.array(ImageColor.getrgb(package.product.look.base)[:3])
    angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    circle = np.stack([np.sin(angles), 0 * angles, np.cos(angles)], axis=1)
    upward = float(light.on(np.array([[0.0, 1.0, 0.0]]))[0])
    draw = ImageDraw.Draw(canvas)

    def disc(radius: float, height: float, gain: float) -> None:
        ring = camera.project(circle * radius + np.array([0, height, 0]))
        colour = tuple(int(v) for v in np.clip(metal * gain, 0, 255))
        draw.polygon([tuple(p) for p in ring.tolist()], fill=colour)

    for strip in _wall(camera, above + 0.022, above + 0.022, high - 0.014, high + 0.026):
        draw.polygon([tuple(p) for p in strip.tolist()], fill=tuple(int(v) for v in metal * (0.66 * upward)))
    disc(above + 0.022, high + 0.026, 1.06 * upward)
    for radius, gain in ((0.93, 0.82), (0.9, 0.98), (0.62, 0.9), (0.6, 1.0)):
        if shape == "can" or radius > 0.8:
            disc(above * radius, high + 0.024, gain * upward)


def _columns(levels: Floats, height: int) -> Image.Image:
    """A grey picture whose columns have the given levels, 0..255."""
    row = Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8)[None])
    return Image.merge("RGB", [row.resize((len(levels), height))] * 3)
