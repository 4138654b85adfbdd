"""Finished results go only where that is asked for."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.command_line import command, process
from tests.integration.job.conftest import Finished
from tests.integration.job.contents import contents, explanations, info, refused
from tests.planted_slice import write_planted_slice

FUSIONS = ("feature_concatenation", "score_fusion", "embracenet")


def _models(names: dict[str, str]) -> str:
    """A recipe's models: kinds by name."""
    return "".join(f"\n[[models]]\nname = '{name}'\nkind = '{kind}'\n" for name, kind in names.items())


CHANGES = {
    "superpixels": ("explain-local", ("segments = 30", "segments = 12"), "explain.segments 30, now 12"),
    "training": ("train", ("epochs = 2", "epochs = 3"), "training.epochs 2, now 3"),
    "picture size": ("run", ("image_size = 64", "image_size = 96"), "towers.image_size 64, now 96"),
    "groups": ("explain-global", ("[explain]", "[global]\nsupport_least = 3\n[explain]"), "global.support_least 2"),
    "ranking": ("explain-global", ("[explain]", "[global]\nscore = 'sp_lime'\n[explain]"), "global.score normlime"),
    "a renamed model": (
        "train",
        (
            "[training]",
            _models({"picture": "image", "text": "text"} | {name: name for name in FUSIONS}) + "[training]",
        ),
        "models image+text+",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_finished_results_are_not_removed_unasked(tmp_path: Path, finished: Finished, change: str) -> None:
    stage, (old, new), words = CHANGES[change]
    url, other = finished.copy(tmp_path), tmp_path / "other.toml"
    assert old in finished.recipe.read_text()
    other.write_text(finished.recipe.read_text().replace(old, new))
    assert words in refused(stage, *finished.options(url, other))
    assert contents(url) == contents(finished.url)


def test_a_recipe_with_fewer_models_drops_the_others(tmp_path: Path, finished: Finished) -> None:
    url, fewer = finished.copy(tmp_path), tmp_path / "fewer.toml"
    fewer.write_text(finished.recipe.read_text() + _models({"image": "image", "text": "text"}))
    arguments = ["train", *finished.options(url, fewer)]
    line = refused(*arguments)
    for name in FUSIONS:
        assert name in line.split("would remove")[1]
    assert len(finished.explanations) == int(line.split(" with ")[1].split(" explanations")[0])
    assert contents(url) == contents(finished.url)
    command("precompute", *arguments, "--replace")
    figures = info(url)
    assert [model["name"] for model in figures["models"]] == ["image", "text"]
    assert figures["explanations"] == 0


def test_another_data_set_is_refused_and_one_that_was_moved_is_not(tmp_path: Path, finished: Finished) -> None:
    url, other = finished.copy(tmp_path), tmp_path / "other"
    write_planted_slice(other, seed=1, train_per_class=2, test_per_class=1)
    arguments = ["--recipe", finished.recipe, "--db", url, "--workers", 1, "--dataset"]
    line = refused("run", *arguments, other)
    assert f"holds another data set, {finished.dataset}" in line
    assert f"{len(finished.explanations)} explanations" in line
    assert contents(url) == contents(finished.url)
    shutil.copytree(finished.dataset, tmp_path / "moved")
    answer = command("precompute", "run", *arguments, tmp_path / "moved")
    assert f"the pictures of {finished.dataset} lie in {tmp_path / 'moved'} now" in answer.stderr
    assert explanations(url) == finished.explanations
    command("precompute", "ingest", *arguments, other, "--replace")
    figures = info(url)
    assert (figures["explanations"], figures["samples"]) == (0, len(list(other.glob("t*/*/*.jpg"))))


def test_a_change_of_the_sampling_is_made_where_that_is_asked_for(tmp_path: Path, finished: Finished) -> None:
    url = finished.copy(tmp_path)
    arguments = ["explain-local", *finished.options(url), "--evaluations", 128, "--samples-per-class", 1]
    line = refused(*arguments)
    assert process("precompute", *arguments, check=False).stderr.strip() == line, "a process says it too"
    assert contents(url) == contents(finished.url)
    command("precompute", *arguments, "--replace")
    after = explanations(url)
    assert {row["image_evaluations"] for row in after.values()} != {
        row["image_evaluations"] for row in finished.explanations.values()
    }
    assert 0 < len(after) < len(finished.explanations), "those of other settings are gone, also where not chosen"
