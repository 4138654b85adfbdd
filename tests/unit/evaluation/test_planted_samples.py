"""Planted regions on the grid of superpixels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from precompute.evaluation.planted_samples import inside_shares, region_mask


def test_a_rectangle_covers_its_share_at_another_resolution() -> None:
    mask = region_mask([[(100, 50), (300, 50), (300, 150), (100, 150)]], size=(400, 200), shape=(64, 64))
    assert mask.shape == (64, 64)
    assert mask.mean() == pytest.approx(0.25, abs=0.001)
    assert mask[16:48, 16:48].all()


def test_regions_of_one_sample_are_united() -> None:
    left, right = [(0, 0), (8, 0), (8, 16), (0, 16)], [(4, 0), (16, 0), (16, 16), (4, 16)]
    assert region_mask([left, right], (16, 16), (16, 16)).all()


@given(st.floats(0, 100), st.floats(0, 100), st.floats(15, 60), st.floats(15, 60), st.floats(0, 360))
@settings(max_examples=30)
def test_a_turned_rectangle_holds_the_pixels_whose_centres_it_holds(
    x: float, y: float, width: float, height: float, angle: float
) -> None:
    along = np.exp(1j * np.radians(angle))
    half = along * np.array([-width - 1j * height, width - 1j * height, width + 1j * height, -width + 1j * height]) / 2
    corners = [(float((x + 1j * y + c).real), float((x + 1j * y + c).imag)) for c in half]
    mask = region_mask([corners], size=(100, 200), shape=(50, 50))
    rows, columns = np.mgrid[:50, :50]
    # Centres in pixels of the original, seen from the rectangle's middle along its sides.
    offset = ((columns + 0.5) * 2 + 1j * (rows + 0.5) * 4 - (x + 1j * y)) / along
    slack = np.maximum(np.abs(offset.real) - width / 2, np.abs(offset.imag) - height / 2)
    assert mask[slack < -1e-6].all()
    assert not mask[slack > 1e-6].any()


@given(st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_inside_shares_count_pixels(segments: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.resize(np.arange(segments), 64)).reshape(8, 8).astype(np.int32)
    region = generator.random((8, 8)) < 0.4
    plain = [region[labels == segment].mean() for segment in range(segments)]
    assert inside_shares(labels, region) == pytest.approx(plain)
