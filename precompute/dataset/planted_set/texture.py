"""Labels made ready to be laid over a package."""

from __future__ import annotations

from functools import cache

import numpy as np
from PIL import Image

from precompute.dataset.planted_set.label import front
from precompute.dataset.planted_set.products import Product

BLEED = 4  # pixels by which textures are continued beyond their rim, so that no rim turns dark


@cache
def front_texture(product: Product) -> Image.Image:
    """The front label, continued beyond its rim."""
    return bleeding(front(product).picture)


def bleeding(picture: Image.Image) -> Image.Image:
    """The picture continued beyond its rim, its lower end darkened a little where little light comes."""
    pixels = np.pad(np.asarray(picture), ((BLEED, BLEED), (BLEED, BLEED), (0, 0)), mode="edge").astype(np.float32)
    ramp = 1 - 0.16 * np.linspace(0, 1, pixels.shape[0]) ** 4
    return Image.fromarray((pixels * ramp[:, None, None]).astype(np.uint8))
