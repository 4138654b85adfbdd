"""Bars of a histogram."""

import pytest

from app.drawing.histogram import histogram_bars, tallest_bar


def test_bars_count_equal_parts_and_the_tallest_is_100_high() -> None:
    bars = histogram_bars([0.0, 0.1, 0.3, 1.0, 0.99, 0.6], 4, lambda low, high: f"{low:.2f}-{high:.2f}")
    assert [bar.height for bar in bars] == [100, 50, 50, 100]
    assert [bar.x for bar in bars] == [0, 25, 50, 75]
    assert bars[0].tip == "0.00-0.25: 2 samples"
    assert bars[1].tip == "0.25-0.50: 1 sample"


def test_histograms_on_one_scale_compare_parts_of_their_samples() -> None:
    many, few = [0.1] * 6 + [0.9] * 2, [0.1, 0.9]
    tallest = tallest_bar([many, few], 2)
    assert tallest == 0.75
    heights = [[bar.height for bar in histogram_bars(one, 2, lambda low, high: "", tallest)] for one in (many, few)]
    assert heights == [[pytest.approx(100), pytest.approx(100 / 3)], [pytest.approx(200 / 3)] * 2]


def test_no_share_gives_flat_bars() -> None:
    assert {bar.height for bar in histogram_bars([], 5, lambda low, high: "")} == {0}
