"""The modality ratio against its formula."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from precompute.local_explanations.modality_ratio import image_share, image_share_positive

weights = st.lists(st.floats(-1, 1, width=32), max_size=8)


@given(weights, weights)
def test_share_is_the_formula_over_absolute_weights(image: list[float], text: list[float]) -> None:
    on_image, on_text = math.fsum(map(abs, image)), math.fsum(map(abs, text))
    found = image_share(np.array(image, "f4"), np.array(text, "f4"))
    if on_image + on_text == 0:
        assert found is None
    else:
        assert found == pytest.approx(on_image / (on_image + on_text), abs=1e-9)


@given(weights, weights)
def test_positive_share_counts_evidence_for_the_class_alone(image: list[float], text: list[float]) -> None:
    found = image_share_positive(np.array(image, "f4"), np.array(text, "f4"))
    kept = image_share(np.array([max(w, 0) for w in image], "f4"), np.array([max(w, 0) for w in text], "f4"))
    assert found == kept


def test_without_text_all_of_the_weight_is_on_the_picture() -> None:
    assert image_share(np.array([0.5, -0.25], "f4"), np.array([], "f4")) == 1.0


def test_evidence_against_alone_has_no_positive_share() -> None:
    assert image_share_positive(np.array([-0.5], "f4"), np.array([-0.1], "f4")) is None
