"""Intervals and chance levels against their definitions."""

from itertools import combinations
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from precompute.evaluation.statistics import (
    Share,
    chance_of_a_hit,
    mean_intervals,
    paired_interval,
    separation,
    wilson_interval,
)

scores = st.lists(st.integers(0, 6).map(float), min_size=1, max_size=30)


@given(scores, scores)
def test_separation_is_the_area_under_the_roc_curve_with_ties(higher: list[float], lower: list[float]) -> None:
    truth = [1] * len(higher) + [0] * len(lower)
    assert separation(higher, lower) == pytest.approx(roc_auc_score(truth, higher + lower))


def test_nothing_is_separated_from_nothing() -> None:
    assert separation([], [0.5]) is None


@given(st.integers(1, 300), st.data())
def test_wilson_bounds_are_where_the_share_is_two_standard_errors_off(count: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, count))
    low, high = wilson_interval(hits, count)
    assert 0 <= low <= hits / count + 1e-12
    assert hits / count - 1e-12 <= high <= 1
    for bound in (low, high):
        if 1e-9 < bound < 1 - 1e-9:
            off = abs(hits / count - bound) / np.sqrt(bound * (1 - bound) / count)
            assert off == pytest.approx(NormalDist().inv_cdf(0.975), rel=1e-6)


@pytest.mark.parametrize(
    ("targets", "features", "draws"), [(0, 5, 3), (1, 5, 3), (2, 6, 3), (4, 5, 3), (1, 2, 3), (1, 1, 1)]
)
def test_chance_of_a_hit_counts_all_draws(targets: int, features: int, draws: int) -> None:
    every = list(combinations(range(features), min(draws, features)))
    hits = sum(any(feature < targets for feature in draw) for draw in every)
    assert chance_of_a_hit(targets, features, draws) == pytest.approx(hits / len(every))


def test_a_share_of_nothing_has_no_value() -> None:
    assert (Share(0, 0).value, Share(0, 0).interval) == (None, None)
    assert Share(3, 4).value == 0.75


def test_the_paired_interval_is_that_of_the_mean() -> None:
    differences = np.random.default_rng(0).normal(0.3, 0.5, 400)
    low, high = paired_interval(differences.tolist(), seed=1)
    half = 1.96 * differences.std() / np.sqrt(400)
    assert low == pytest.approx(differences.mean() - half, abs=0.01)
    assert high == pytest.approx(differences.mean() + half, abs=0.01)
    assert (low, high) == paired_interval(differences.tolist(), seed=1)


def test_the_intervals_of_many_means_are_those_of_each() -> None:
    values = np.random.default_rng(0).normal([0.3, 5.0], [0.5, 2.0], (400, 2))
    found = mean_intervals(values, seed=1)
    for column, of_column in enumerate(values.T):
        assert found[:, column] == pytest.approx(paired_interval(of_column.tolist(), seed=2), rel=0.1)
    np.testing.assert_array_equal(found, mean_intervals(values, seed=1))
