"""Means over samples beside chance; a setting that not every sample has is left out."""

from __future__ import annotations

import numpy as np
import pytest

from precompute.evaluation.localisation_summary import Measured, summarise

TZZ, CLASS = ("forecast", "TZZ", "grad-cam", 2, 5), ("class", "TZZ", "grad-cam", 2, 5)
LIME = (None, None, "lime", None, 0)
CHANCES = {"a": (0.1, 0.3, 0.1), "b": (0.3, 0.5, 0.3), "c": (0.8, 0.9, 0.8)}


def _one(setting: tuple, *figures: float, empty: bool = False) -> Measured:
    return Measured(setting, np.array(figures), empty)


def test_settings_are_summed_up_by_variant_over_the_samples_that_have_them() -> None:
    found = {
        "a": [_one(TZZ, 1, 1, 0.5), _one(CLASS, 1, 1, 0.9), _one(LIME, 0, 1, 0.2)],
        "b": [_one(TZZ, 0, 0, 0.0, empty=True)],
        "c": [_one(TZZ, 1, 1, 1.0)],
    }
    summary = summarise(["a", "b"], found, CHANCES, seed=0)
    assert list(summary) == ["grad-cam", "lime"]
    samples, chance, rows = summary["grad-cam"]
    assert samples == 2
    assert chance == pytest.approx({"pointing_0": 0.2, "pointing_15": 0.4, "energy": 0.2})
    (row,) = rows
    assert (row["target"], row["strategy"], row["stage"], row["top"], row["empty"]) == ("forecast", "TZZ", 2, 5, 1)
    assert row["pointing_0"] == [0.5, 0.0, 1.0]
    assert row["energy"] == [0.25, 0.0, 0.5]
    assert summary["lime"][0] == 1
    assert summary["lime"][1]["energy"] == pytest.approx(0.1)
