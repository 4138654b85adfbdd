"""The stability of a ranking against a reference implementation."""

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.definitions.stability import stability


@given(
    st.lists(st.tuples(st.floats(-1, 1), st.floats(0.001, 1)), min_size=6, max_size=20, unique_by=lambda pair: pair[0]),
    st.integers(0, 20),
)
def test_stability_is_the_mean_probability_of_exceeding_the_sixth(
    features: list[tuple[float, float]], parts: int
) -> None:
    ranked = sorted(features, reverse=True)
    (sixth, error), first = ranked[5], ranked[:5]
    plain = [NormalDist(w - sixth, (e**2 + error**2) ** 0.5).cdf(0) for w, e in first]
    weights, errors = np.array(features).T
    found = stability(weights[:parts], weights[parts:], errors[:parts], errors[parts:])
    assert found == pytest.approx(1 - np.mean(plain), abs=1e-9)
    assert found is not None
    assert found >= 0.5


def test_stability_needs_errors_and_a_sixth_feature() -> None:
    none, six = np.zeros(0, np.float32), np.arange(6, dtype=np.float32)
    assert stability(six, none, None, none) is None
    assert stability(six, none, np.ones(6, np.float32), None) is None
    assert stability(six[:5], none, np.ones(5, np.float32), none) is None


def test_without_noise_larger_is_certain_and_equal_is_a_guess() -> None:
    three, zeros = np.arange(3, dtype=np.float32), np.zeros(3, np.float32)
    assert stability(three, three + 3, zeros, zeros) == 1.0
    assert stability(zeros, zeros, zeros, zeros) == 0.5
