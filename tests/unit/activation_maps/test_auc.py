"""One-vs-rest AUC against a loop over pairs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from precompute.activation_maps.auc import mean_auc, one_vs_rest


def test_the_area_under_the_curve_is_the_share_of_pairs_in_the_right_order() -> None:
    random = np.random.default_rng(0)
    probabilities, labels = random.random((30, 3)).round(1), random.integers(0, 2, 30)
    found = one_vs_rest(probabilities, labels)
    for index in (0, 1):
        inside, outside = probabilities[labels == index, index], probabilities[labels != index, index]
        pairs = [(a > b) + (a == b) / 2 for a, b in itertools.product(inside, outside)]
        assert found[index] == pytest.approx(np.mean(pairs))
    assert found[2] is None, "no sample of the third class"
    assert mean_auc(found) == pytest.approx((found[0] + found[1]) / 2)
    assert mean_auc([None]) is None
