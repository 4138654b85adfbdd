"""Scores against plain twins of their formulas."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from precompute.global_explanations.scores import averaged_importance, least_support, normlime_score

Explanations = list[tuple[list[float], int]]

# An explanation's weights and the place of the feature that is a group's member.
occurrences = st.lists(
    st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=12)
    .filter(lambda weights: max(weights) > 1e-3)
    .map(lambda weights: (weights, int(np.argmax(weights)))),
    min_size=1,
    max_size=20,
)


def _weights_and_norms(explanations: Explanations) -> tuple[list[float], list[float]]:
    return [w[place] for w, place in explanations], [sum(map(abs, w)) for w, _ in explanations]


@given(occurrences)
def test_normlime_is_the_mean_of_w_squared_over_the_explanations_norm(explanations: Explanations) -> None:
    total = Fraction(0)
    for weights, place in explanations:
        norm = sum(abs(Fraction(weight)) for weight in weights)
        total += Fraction(weights[place]) ** 2 / norm
    assert normlime_score(*_weights_and_norms(explanations)) == pytest.approx(
        float(total / len(explanations)), rel=1e-9
    )


@given(occurrences)
def test_averaged_importance_is_the_mean_of_absolute_weights(explanations: Explanations) -> None:
    total = sum(abs(Fraction(weights[place])) for weights, place in explanations)
    assert averaged_importance(*_weights_and_norms(explanations)) == pytest.approx(float(total / len(explanations)))


@given(occurrences, st.randoms(use_true_random=False))
def test_the_order_of_occurrences_changes_no_bit_of_a_score(explanations: Explanations, random: object) -> None:
    shuffled = list(explanations)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    for score in (normlime_score, averaged_importance):
        assert score(*_weights_and_norms(shuffled)) == score(*_weights_and_norms(explanations))


def test_normlime_divides_by_both_modalities_so_that_a_lone_feature_counts_in_full() -> None:
    assert normlime_score([0.5], [0.5]) == 0.5
    assert normlime_score([0.5], [2.0]) == 0.125


@pytest.mark.parametrize(
    ("samples", "support"), [(1, 2), (12, 2), (40, 2), (41, 3), (50, 3), (60, 3), (61, 4), (100, 5)]
)
def test_support_is_two_samples_or_five_per_cent(samples: int, support: int) -> None:
    assert least_support(samples, 0.05, 2) == support
