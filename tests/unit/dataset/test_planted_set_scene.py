"""What a photograph of the sample set shows, and where twins differ in it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from precompute.dataset.planted_set.camera import Camera
from precompute.dataset.planted_set.ocr_noise import planted_role
from precompute.dataset.planted_set.products import PAIRS, PRODUCTS, Pair
from precompute.dataset.planted_set.scene import SIZE, Polygon, photograph, random_scene

pairs = pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: str(pair.twins[0].family))


def _mask(polygon: Polygon, rim: int) -> np.ndarray:
    """The polygon's pixels and a rim round them, as the lens smooths what is printed."""
    mask = Image.new("L", (SIZE, SIZE))
    ImageDraw.Draw(mask).polygon(polygon, fill=255)
    return np.asarray(mask.filter(ImageFilter.MaxFilter(2 * rim + 1))) > 0


def _area(polygon: Polygon) -> float:
    x, y = np.array(polygon).T
    return float(abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2)


@pairs
@pytest.mark.parametrize("seed", [1, 2])
def test_twins_in_one_scene_differ_within_their_evidence_only(pair: Pair, seed: int) -> None:
    scene = random_scene(pair.twins[0].look, np.random.default_rng(seed))
    first, second = (photograph(product, scene) for product in pair.twins)
    evidence = [t.polygon for t in first.texts if t.role == planted_role(pair.kind)]
    if pair.kind in ("picture", "both"):
        evidence.append(first.region)
    allowed = np.any([_mask(polygon, rim=3) for polygon in evidence], axis=0)
    difference = np.abs(np.asarray(first.picture, dtype=int) - np.asarray(second.picture, dtype=int)).max(axis=2)
    assert difference[allowed].max() > 40
    assert difference[~allowed].max() == 0


@pairs
def test_the_pictogram_takes_four_to_ten_per_cent_of_the_picture(pair: Pair) -> None:
    shares = [
        _area(photograph(pair.twins[0], random_scene(pair.twins[0].look, np.random.default_rng(seed))).region) / SIZE**2
        for seed in range(6)
    ]
    assert min(shares) >= 0.04
    assert max(shares) <= 0.10


@pairs
def test_twins_have_the_same_outlines_of_texts_and_pictogram(pair: Pair) -> None:
    scene = random_scene(pair.twins[0].look, np.random.default_rng(3))
    first, second = (photograph(product, scene) for product in pair.twins)
    assert first.region == second.region
    assert [(t.role, t.polygon) for t in first.texts] == [(t.role, t.polygon) for t in second.texts]


@pairs
def test_every_outline_lies_within_the_picture_and_has_an_area(pair: Pair) -> None:
    for seed in range(3):
        scene = random_scene(pair.twins[0].look, np.random.default_rng(seed))
        photo = photograph(pair.twins[0], scene)
        for polygon in (photo.region, *(text.polygon for text in photo.texts)):
            points = np.array(polygon)
            assert points.min() >= 0
            assert points.max() <= SIZE
            assert _area(polygon) > 20


def test_the_camera_draws_near_things_larger_and_low_things_lower() -> None:
    camera = Camera(turn=0, pitch=0, roll=0, distance=4, focal=400, centre=(192, 192), target_height=0.5)
    left, right, near_left, near_right, foot = camera.project(
        np.array([[-1, 0.5, 0], [1, 0.5, 0], [-1, 0.5, 2], [1, 0.5, 2], [0, 0, 0]], dtype=float)
    )
    assert (left.tolist(), right.tolist()) == ([92, 192], [292, 192])
    assert near_right[0] - near_left[0] == pytest.approx(400)  # half the distance, twice the size
    assert foot.tolist() == [192, 242]


def test_the_camera_sees_what_it_stands_before() -> None:
    camera = Camera(turn=0.3, pitch=0.2, roll=0.1, distance=4, focal=400, centre=(192, 192), target_height=0.5)
    ahead = camera.position * 0.5 + np.array([0, 0.5, 0]) * 0.5
    np.testing.assert_allclose(camera.project(ahead[None]), [[192, 192]], atol=1e-9)


def test_rays_lead_back_to_the_points_that_were_projected() -> None:
    camera = Camera(turn=0.3, pitch=0.2, roll=0.1, distance=4, focal=400, centre=(192, 192), target_height=0.5)
    points = np.random.default_rng(0).uniform(-1, 1, (20, 3))
    towards = points - camera.position
    rays = camera.rays(camera.project(points))
    cosine = np.sum(rays * towards, axis=1) / np.linalg.norm(rays, axis=1) / np.linalg.norm(towards, axis=1)
    np.testing.assert_allclose(cosine, 1, atol=1e-12)


def test_labels_are_unique_and_no_product_equals_its_twin() -> None:
    assert len({product.label for product in PRODUCTS}) == len(PRODUCTS) == 16
    for pair in PAIRS:
        first, second = pair.twins
        differ = [field for field in ("word", "picture", "weight") if getattr(first, field) != getattr(second, field)]
        assert differ == {"both": ["word", "picture"]}.get(pair.kind, [pair.kind])
        assert first.look == second.look
        assert first.family == second.family
