"""P1's Table 2 from single samples, counted by hand."""

import pytest

from precompute.evaluation.deletion import summary


def _sample(top: float, random: float, features: int = 1, others: int | None = None) -> dict[str, float | int]:
    return {
        "untouched": 1.0,
        "top_removed": top,
        "random_removed": random,
        "features": features,
        "others": features if others is None else others,
    }


def test_accuracies_and_difference_are_means_over_samples() -> None:
    found = summary([_sample(0, 0.9), _sample(1, 1.0, 3), _sample(0, 0.8), _sample(1, 0.9)], seed=0)
    assert (found["samples"], found["left_out"], found["draws"]) == (4, 0, 20)
    assert (found["untouched"], found["top_removed"]) == (1.0, 0.5)
    assert found["random_removed"] == pytest.approx(0.9)
    assert found["difference"] == pytest.approx(0.4)
    assert found["features"] == 1.5
    low, high = found["interval"]
    assert -0.1 <= low < 0.4 < high <= 0.9


def test_a_sample_with_too_few_others_is_left_out_and_counted() -> None:
    found = summary([_sample(0, 1.0), _sample(0, 0.5, features=3, others=1)], seed=0)
    assert (found["samples"], found["left_out"], found["random_removed"]) == (1, 1, 1.0)


def test_equal_differences_have_an_interval_of_no_width() -> None:
    assert summary([_sample(0, 0.5)] * 7, seed=3)["interval"] == [0.5, 0.5]
