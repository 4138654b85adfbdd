"""The gallery's filters and orders against reference implementations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from app.drawing.histogram import histogram_bars
from app.tabs.gallery.selection import ordered, selected
from app.view_state import ViewState
from db.records.predictions import Outcomes
from tests.unit.app.outcomes_of import random_outcomes

TAGGED = {1, 4, 31}


def plain_selected(outcomes: Outcomes, state: ViewState, split: str) -> list[int]:
    """One sample and one filter at a time."""
    rows = []
    for row in range(len(outcomes.sample)):
        right = outcomes.label[row] == outcomes.predicted[row]
        fits = [
            split == "all" or outcomes.is_test[row] == (split == "test"),
            state.shown != "right" or right,
            state.shown not in ("wrong", "confused") or (not right and outcomes.predicted[row] >= 0),
            state.shown != "tagged" or int(outcomes.sample[row]) in TAGGED,
            state.shown != "confused"
            or state.rival is None
            or (outcomes.predicted[row] >= 0 and outcomes.labels[outcomes.predicted[row]] == state.rival),
        ]
        for limits, value in (
            (state.image_share, outcomes.image_share[row]),
            (state.probability, outcomes.probability[row]),
        ):
            if limits is not None:
                fits.append(limits[0] <= value < limits[1] or (limits[1] == 1 and value == 1))
        if all(fits):
            rows.append(row)
    return rows


@pytest.mark.parametrize("split", ["test", "train", "all"])
@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"shown": "right"},
        {"shown": "wrong", "probability": (0.5, 1.0)},
        {"shown": "confused"},
        {"shown": "confused", "rival": "class-2"},
        {"shown": "confused", "rival": "nobody"},
        {"shown": "tagged"},
        {"image_share": (0.2, 0.4)},
        {"image_share": (0.5, 1.0), "probability": (0.0, 0.5), "shown": "right"},
    ],
)
def test_filters_equal_the_reference_implementation(filters: dict[str, Any], split: str) -> None:
    outcomes = random_outcomes(1)
    outcomes.predicted[:5] = -1  # no prediction
    state = ViewState(**filters)
    assert selected(outcomes, state, split, TAGGED).tolist() == plain_selected(outcomes, state, split)


def test_every_bar_of_a_histogram_selects_the_samples_that_it_counts() -> None:
    outcomes = random_outcomes(2, samples=500)
    outcomes.image_share[:2] = (0.0, 1.0)
    known = outcomes.image_share[~np.isnan(outcomes.image_share)]
    bars = histogram_bars(known, 20, lambda low, high: "")
    assert sum(bar.count for bar in bars) == len(known)
    for bar in bars:
        limits = (float(f"{bar.low:g}"), float(f"{bar.high:g}"))  # as the address has them
        assert len(selected(outcomes, ViewState(image_share=limits), "all", ())) == bar.count


@pytest.mark.parametrize(
    ("sort", "key"),
    [
        ("sure", lambda outcomes, row: -outcomes.probability[row]),
        ("unsure", lambda outcomes, row: outcomes.probability[row]),
        ("picture", lambda outcomes, row: -outcomes.image_share[row]),
        ("words", lambda outcomes, row: outcomes.image_share[row]),
    ],
)
def test_orders_equal_the_reference_implementation_and_unknown_values_come_last(sort: str, key: Any) -> None:
    outcomes = random_outcomes(3)
    rows = np.arange(50)
    values = {row: float(key(outcomes, row)) for row in rows.tolist()}
    expected = sorted(
        values, key=lambda row: (values[row] != values[row], values[row] if values[row] == values[row] else 0)
    )
    assert ordered(outcomes, rows, sort, {}).tolist() == expected


def test_trust_orders_by_its_word_and_then_by_its_fit() -> None:
    outcomes = random_outcomes(4)
    trust = {0: (2, 0.9), 1: (0, 0.3), 2: (2, 0.95), 4: (1, 0.5)}
    rows = np.arange(5)
    assert ordered(outcomes, rows, "doubtful", trust).tolist() == [1, 4, 0, 2, 3]
    assert ordered(outcomes, rows, "trusted", trust).tolist() == [2, 0, 4, 1, 3]
    assert ordered(outcomes, rows, "name", trust).tolist() == [0, 1, 2, 3, 4]
