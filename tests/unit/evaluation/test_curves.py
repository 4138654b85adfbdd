"""Deletion and insertion curves against reference implementations."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from precompute.evaluation.curves import area_under_curve, deletion_masks, removal_counts


@given(st.integers(1, 200), st.integers(1, 40))
def test_points_run_from_nothing_to_everything_without_repeats(features: int, steps: int) -> None:
    counts = removal_counts(features, steps)
    assert (counts[0], counts[-1]) == (0, features)
    assert (np.diff(counts) > 0).all()
    assert len(counts) == min(features, steps) + 1


@given(st.permutations(range(9)), st.integers(1, 12))
def test_each_mask_is_without_the_first_of_the_ranking(ranking: list[int], steps: int) -> None:
    counts = removal_counts(9, steps)
    for mask, count in zip(deletion_masks(np.array(ranking), counts), counts, strict=True):
        assert {place for place, kept in enumerate(mask) if not kept} == set(ranking[:count])


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30))
def test_the_area_is_the_sum_of_trapezoids(probabilities: list[float]) -> None:
    last = len(probabilities) - 1
    plain = sum((a + b) / 2 / last for a, b in pairwise(probabilities))
    assert area_under_curve(np.arange(last + 1), np.array(probabilities)) == pytest.approx(plain)


def test_uneven_steps_weigh_by_their_width() -> None:
    assert area_under_curve(np.array([0, 1, 4]), np.array([1.0, 0.0, 0.0])) == pytest.approx(0.125)
