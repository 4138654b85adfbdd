"""Tables of weights, and the numbers of the what-if switch."""

from __future__ import annotations

import json
import shlex

import pytest

from app.databases import Database
from app.tabs.sample.weights import SHOWN_SUPERPIXELS, entry_rows, probe_command, superpixel_rows, surrogate_numbers

SAMPLE = "test/Zeta-Juice/x_000.jpg"


@pytest.mark.parametrize("model", ["feature_concatenation", "score_fusion"])
def test_intercept_and_weights_add_up_to_the_surrogate_s_prediction(database: Database, model: str) -> None:
    for found in database.explanations(model, SAMPLE):
        numbers = json.loads(surrogate_numbers(found))
        total = numbers["intercept"] + sum(numbers["image"]) + sum(numbers["text"])
        assert total == pytest.approx(found.surrogate_prediction, abs=1e-3)
        assert (len(numbers["image"]), len(numbers["text"])) == (len(found.image_weights), len(found.text_weights))


def test_whiskers_reach_one_standard_error_to_either_side(database: Database) -> None:
    detail = database.sample(SAMPLE)
    assert detail is not None
    (found, *_) = explanations = database.explanations("score_fusion", SAMPLE)
    largest = max(abs(found.image_weights).max(), abs(found.text_weights).max())
    for row in entry_rows(detail.entries, explanations):
        weight = row.weights[0]
        assert weight.error == pytest.approx(0.01)
        assert weight.low == pytest.approx(max(50 + 50 * (weight.value - 0.01) / largest, 0), abs=1e-4)
        assert weight.high == pytest.approx(min(50 + 50 * (weight.value + 0.01) / largest, 100), abs=1e-4)
    without = entry_rows(detail.entries, database.explanations("feature_concatenation", SAMPLE))
    assert {row.weights[0].low for row in without} == {None}


def test_strongest_parts_come_first(database: Database) -> None:
    explanations = database.explanations("score_fusion", SAMPLE)
    rows = superpixel_rows(explanations)
    sizes = [abs(row.weights[0].value) for row in rows]  # of the answer, which is shown whatever else is hidden
    assert sizes == sorted(sizes, reverse=True)
    assert explanations[0].kind == "predicted"
    assert sizes[0] == pytest.approx(float(abs(explanations[0].image_weights).max()))
    assert len(rows) == SHOWN_SUPERPIXELS


def test_probe_command_survives_a_shell(database: Database) -> None:
    words = shlex.split(probe_command(database, "score fusion", "test/Oat & <i>Rye</i>/x_001.jpg"))
    assert words[:4] == ["python", "-m", "precompute", "probe"]
    assert words[words.index("--sample") + 1] == "test/Oat & <i>Rye</i>/x_001.jpg"
    assert words[words.index("--model") + 1] == "score fusion"
