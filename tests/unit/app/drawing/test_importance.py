"""Importances against reference implementations."""

import numpy as np
import pytest

from app.drawing.importance import normalised_importances, signed_importances


def plain_normalised(image: list[float], text: list[float]) -> tuple[list[float], list[float]]:
    """max(w, 0) / max over both modalities, one weight at a time."""
    largest = max([*image, *text, 0.0])
    if largest <= 0:
        return [0.0] * len(image), [0.0] * len(text)
    return [max(w, 0.0) / largest for w in image], [max(w, 0.0) / largest for w in text]


@pytest.mark.parametrize(
    ("image", "text"),
    [([0.2, -0.5, 0.1], [0.4, -0.1]), ([0.3], []), ([-0.1, -0.2], [0.05]), ([-1.0], [-2.0]), ([], [0.1]), ([], [])],
)
def test_normalised_importances_equal_the_reference_implementation(image: list[float], text: list[float]) -> None:
    made = normalised_importances(np.array(image, np.float32), np.array(text, np.float32))
    expected_image, expected_text = plain_normalised(image, text)
    np.testing.assert_allclose(made.image, expected_image, rtol=1e-6)
    np.testing.assert_allclose(made.text, expected_text, rtol=1e-6)


def test_both_modalities_share_one_scale() -> None:
    made = normalised_importances(np.array([0.1], np.float32), np.array([0.4], np.float32))
    assert made.text[0] == 1
    assert made.image[0] == pytest.approx(0.25)


def test_weights_of_zero_or_less_draw_nothing() -> None:
    assert normalised_importances(np.array([-1, 0], np.float32), np.array([-3], np.float32)).empty


def test_signed_importances_are_weights_over_the_largest_magnitude() -> None:
    made = signed_importances(np.array([0.1, -0.4], np.float32), np.array([0.2], np.float32))
    np.testing.assert_allclose(made.image, [0.25, -1], rtol=1e-6)
    np.testing.assert_allclose(made.text, [0.5], rtol=1e-6)
    assert made.signed


def test_explanations_on_one_scale_are_drawn_by_the_weight_that_they_share() -> None:
    image, text = np.array([0.1, -0.4], np.float32), np.array([0.5], np.float32)
    unsigned = normalised_importances(image, text, largest=0.2)
    np.testing.assert_allclose(unsigned.image, [0.5, 0], rtol=1e-6)
    np.testing.assert_allclose(unsigned.text, [1], rtol=1e-6)  # what lies beyond is drawn as 1
    signed = signed_importances(image, text, largest=1.0)
    np.testing.assert_allclose(signed.image, [0.1, -0.4], rtol=1e-6)
