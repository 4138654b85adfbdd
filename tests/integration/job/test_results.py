"""What the whole job stores, and what `probe` answers beside it."""

from __future__ import annotations

import json

import pytest

import db
from tests.command_line import command, process
from tests.integration.job.conftest import Finished
from tests.integration.job.contents import info
from tests.planted_slice import CLASSES

FUSIONS = {"feature_concatenation", "score_fusion", "embracenet"}


def test_five_models_are_trained_and_three_explained(finished: Finished) -> None:
    figures = info(finished.url)
    assert [model["name"] for model in figures["models"]] == [
        "image",
        "text",
        "feature_concatenation",
        "score_fusion",
        "embracenet",
    ]
    assert all(0 <= model["accuracy"] <= 1 for model in figures["models"])
    assert figures["classes"] == CLASSES
    assert figures["explanations"] == len(finished.explanations)
    assert {model for model, _, _ in finished.explanations} == FUSIONS


def test_intercept_and_weights_sum_to_the_surrogates_prediction(finished: Finished) -> None:
    for row in finished.explanations.values():
        total = row["intercept"] + sum(row["image_weights"]) + sum(row["text_weights"])
        assert row["surrogate_prediction"] == pytest.approx(total, abs=1e-5)


def test_probe_with_nothing_dropped_equals_the_exported_probability(finished: Finished) -> None:
    (model, sample, target), row = next(iter(finished.explanations.items()))
    answer = process("precompute", "probe", "--db", finished.url, "--model", model, "--sample", sample).stdout
    assert json.loads(answer)["probabilities"][target] == pytest.approx(row["probability"], abs=1e-6)


def test_probe_with_all_entries_dropped_equals_the_probability_without_text(finished: Finished) -> None:
    (model, sample, target), row = next(item for item in finished.explanations.items() if len(item[1]["entries"]) > 1)
    dropped = ",".join(map(str, range(len(row["entries"]))))
    chosen = ["--model", model, "--sample", sample, "--drop-entries", dropped]
    answer = command("precompute", "probe", "--db", finished.url, *chosen).stdout
    assert json.loads(answer)["probabilities"][target] == pytest.approx(row["probability_without_text"], abs=1e-6)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--model", "nobody", "--sample", "x"], "nobody"),
        (["--model", "embracenet", "--sample", "test/none.jpg"], "test/none.jpg"),
        (["--model", "embracenet", "--sample", "SAMPLE", "--drop-segments", "999"], "--drop-segments 999"),
        (["--model", "embracenet", "--sample", "SAMPLE", "--drop-entries", "a"], "--drop-entries a"),
    ],
)
def test_probe_names_what_it_does_not_find(finished: Finished, arguments: list[str], words: str) -> None:
    sample = next(iter(finished.explanations))[1]
    chosen = [sample if part == "SAMPLE" else part for part in arguments]
    answer = command("precompute", "probe", "--db", finished.url, *chosen, check=False)
    assert answer.returncode == 2
    assert words in answer.stderr


def test_the_run_names_the_version_that_made_it(finished: Finished) -> None:
    (run,) = info(finished.url)["runs"]
    assert run["shelf_lens"] == db.__version__
    assert f" by shelf-lens {db.__version__}: started" in command("db", "info", "--db", finished.url).stdout
