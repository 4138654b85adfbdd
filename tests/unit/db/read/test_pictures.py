"""Derived pictures, sprite sheets and label maps as a reader gives them."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from db.read.reader import Reader
from tests.example_database import NAMES


def test_pictures_come_with_their_digest(reader: Reader) -> None:
    picture = reader.pictures.of_sample(f"test/{NAMES[0]}/x_000.jpg", "display")
    assert picture is not None
    assert hashlib.sha256(picture.content).hexdigest() == picture.digest
    assert Image.open(io.BytesIO(picture.content)).size == (picture.width, picture.height)
    assert picture.media_type == "image/webp"


def test_a_sprite_has_a_tile_for_each_sample(reader: Reader) -> None:
    sprite = reader.pictures.sprite(NAMES[0], "test")
    assert sprite is not None
    assert sprite.samples == tuple(s.path for s in reader.samples.of_class(NAMES[0], None, "test"))
    assert sprite.width == sprite.columns * sprite.tile
    assert Image.open(io.BytesIO(sprite.content)).size == (sprite.width, sprite.height)


@pytest.mark.parametrize(("path", "mode", "segments"), [("x_000", "I;16", 300), ("x_001", "P", 20)])
def test_label_maps_number_their_segments(reader: Reader, path: str, mode: str, segments: int) -> None:
    view = reader.pictures.label_map(f"test/{NAMES[2]}/{path}.jpg")
    assert view is not None
    image = Image.open(io.BytesIO(view.content))
    assert (image.mode, image.size) == (mode, (view.width, view.height))
    assert np.array_equal(np.unique(np.asarray(image)), np.arange(segments))
    assert view.segments == segments
