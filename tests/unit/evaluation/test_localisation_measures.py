"""Pointing game and energy inside the mask equal what loops over pixels give."""

from __future__ import annotations

import io
import itertools

import numpy as np
import pytest
from PIL import Image

from precompute.evaluation.localisation_measures import GroundTruth, measure_maps, measure_superpixels, read_mask


def _png(inside: np.ndarray, value: int = 255) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray((inside * value).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def truth() -> GroundTruth:
    """40 x 60 pixels; rows 8..15 and columns 30..41 are inside."""
    inside = np.zeros((40, 60), bool)
    inside[8:16, 30:42] = True
    found = read_mask(_png(inside))
    assert found is not None
    return found


def test_a_mask_counts_from_128_on_and_an_empty_one_is_none() -> None:
    assert read_mask(_png(np.ones((4, 4)), 127)) is None
    found = read_mask(_png(np.eye(4), 128))
    assert found is not None
    assert found.inside.sum() == 4


def test_the_chance_level_is_the_share_of_pixels_that_hit(truth: GroundTruth) -> None:
    pixels = list(itertools.product(range(40), range(60)))
    inside = [(y, x) for y, x in pixels if truth.inside[y, x]]
    near = sum(min((y - v) ** 2 + (x - u) ** 2 for v, u in inside) < 15**2 for y, x in pixels)
    assert truth.chance == pytest.approx((len(inside) / 2400, near / 2400, len(inside) / 2400))


def test_maps_are_measured_as_loops_over_cells_and_pixels_do(truth: GroundTruth) -> None:
    maps = np.random.default_rng(0).random((5, 8, 12), dtype=np.float32)
    for figures, one in zip(measure_maps(maps, truth), maps, strict=True):
        best = max(itertools.product(range(8), range(12)), key=lambda cell: one[cell])
        y, x = int((best[0] + 0.5) * 5), int((best[1] + 0.5) * 5)
        away = min((y - v) ** 2 + (x - u) ** 2 for v, u in np.argwhere(truth.inside)) ** 0.5
        pixels = np.kron(one.astype(np.float64), np.ones((5, 5)))
        assert figures == pytest.approx(
            [float(away == 0), float(away < 15), pixels[truth.inside].sum() / pixels.sum()], abs=1e-5
        )


def test_an_even_map_has_the_energy_of_chance_and_an_empty_one_none(truth: GroundTruth) -> None:
    even, empty = measure_maps(np.stack([np.ones((7, 9)), np.zeros((7, 9))]).astype(np.float32), truth)
    assert even[2] == pytest.approx(truth.chance[2], abs=1e-5)
    assert empty.tolist() == [0, 0, 0]


def test_superpixels_point_with_the_middle_of_the_best_one(truth: GroundTruth) -> None:
    label_map = (np.arange(24)[None] // 2 + np.zeros((16, 1), int)).astype(np.int32)  # 12 columns of superpixels
    weights = np.zeros(12, np.float32)
    weights[[6, 7]] = 1, 3
    weights[0] = -5
    middle = 7.5 / 16 * 40  # of the superpixel's rows, in the mask's pixels: rows 8 is the nearest of two
    y, x = int(middle), int((14 + 0.5) / 24 * 60)
    away = min((y - v) ** 2 + (x - u) ** 2 for v, u in np.argwhere(truth.inside)) ** 0.5
    share = (1 * 5 * 8 + 3 * 5 * 8) / (1 * 5 * 40 + 3 * 5 * 40)  # columns 30..34 and 35..39, rows 8..15 of 40
    assert measure_superpixels(weights, label_map, truth) == pytest.approx(
        [float(away == 0), float(away < 15), share], abs=1e-5
    )
    assert measure_superpixels(-np.ones(12, np.float32), label_map, truth).tolist() == [0, 0, 0]
