"""Agreement of explanations against a reference implementation and scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from app.measures.agreement import disagreement, in_words, rank_correlation

numbers = st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), min_size=3, max_size=40)


def plain_ranks(values: list[float]) -> list[float]:
    """One rank at a time: how many are smaller, and half of those that are equal."""
    return [sum(other < one for other in values) + (1 + values.count(one)) / 2 for one in values]


def plain_spearman(first: list[float], second: list[float]) -> float | None:
    """Pearson's correlation of the ranks, sum by sum."""
    one, two = plain_ranks(first), plain_ranks(second)
    means = sum(one) / len(one), sum(two) / len(two)
    spreads = [math.sqrt(sum((x - mean) ** 2 for x in ranks)) for ranks, mean in zip((one, two), means, strict=True)]
    if 0 in spreads:
        return None
    return sum((x - means[0]) * (y - means[1]) for x, y in zip(one, two, strict=True)) / (spreads[0] * spreads[1])


@given(numbers)
def test_rank_correlation_equals_the_reference_implementation_and_scipy(pairs: list[tuple[float, float]]) -> None:
    first, second = ([pair[side] for pair in pairs] for side in (0, 1))
    made, expected = rank_correlation(first, second), plain_spearman(first, second)
    if expected is None:
        assert made is None
        return
    assert made == pytest.approx(expected)
    assert made == pytest.approx(spearmanr(first, second).statistic)


def test_same_order_is_1_and_the_opposite_order_minus_1() -> None:
    assert rank_correlation([0.1, 0.2, 5.0], [-3, 0, 0.01]) == pytest.approx(1)
    assert rank_correlation([0.1, 0.2, 5.0], [3, 0, -7]) == pytest.approx(-1)


@pytest.mark.parametrize("pair", [([], []), ([1, 2], [1, 2]), ([1, 1, 1], [1, 2, 3])])
def test_too_little_to_rank_gives_none(pair: tuple[list[float], list[float]]) -> None:
    assert rank_correlation(*pair) is None


def test_disagreement_is_the_widest_gap_on_each_feature() -> None:
    weights = np.random.default_rng(3).normal(size=(4, 7)).astype(np.float32)
    plain = [max(one - other for one in column for other in column) for column in weights.T]
    np.testing.assert_allclose(disagreement(weights), plain, rtol=1e-6)


def test_words_follow_the_number() -> None:
    said = [in_words(value) for value in (None, 0.9, 0.5, 0.0, -0.9)]
    assert said[0] == "cannot be compared"
    assert [words.split()[0] for words in said[1:]] == ["largely", "partly", "hardly", "rather"]
