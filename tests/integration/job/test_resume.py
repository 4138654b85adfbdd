"""A job that is continued, killed, changed or divided otherwise ends with the same numbers."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.command_line import command
from tests.integration.job.conftest import Finished
from tests.integration.job.contents import contents, explanations
from tests.killed_command import kill_in


def test_the_number_of_workers_and_a_kill_change_no_number(tmp_path: Path, finished: Finished) -> None:
    url, file = f"sqlite:///{tmp_path}/killed.db", tmp_path / "killed.db"
    arguments = ["run", *finished.options(url), "--workers", 2]
    kill_in("explain-local", 3, *arguments)
    before = _explained_samples(file)
    command("precompute", *arguments)
    assert 0 < before < _explained_samples(file)
    assert explanations(url) == finished.explanations


def test_a_kill_while_superpixels_change_loses_nothing_for_good(tmp_path: Path, finished: Finished) -> None:
    url, coarser = finished.copy(tmp_path), tmp_path / "coarser.toml"
    coarser.write_text(finished.recipe.read_text().replace("segments = 30", "segments = 12"))
    arguments = ["explain-local", "--replace"]
    kill_in("explain-local", 1, *arguments, *finished.options(url, coarser))
    assert _segmentations(tmp_path / "copy.db") == 2
    command("precompute", *arguments, *finished.options(url))
    assert explanations(url) == finished.explanations


def test_another_batch_size_changes_weights_by_rounding_alone(tmp_path: Path, finished: Finished) -> None:
    other, url = tmp_path / "other.toml", f"sqlite:///{tmp_path}/other.db"
    other.write_text(finished.recipe.read_text() + "batch_size = 7\n")
    command("precompute", "run", *finished.options(url), "--samples-per-class", 1)
    command("precompute", "run", *finished.options(url, other))
    found = explanations(url)
    assert found.keys() == finished.explanations.keys()
    for key, row in found.items():
        expected = finished.explanations[key]
        assert row["seed"] == expected["seed"]
        for field in ("image_weights", "text_weights"):
            assert row[field] == pytest.approx(expected[field], abs=1e-5)


def test_more_samples_a_class_keep_the_first_ones(tmp_path: Path, finished: Finished) -> None:
    url = f"sqlite:///{tmp_path}/few.db"
    arguments = ["precompute", "run", *finished.options(url), "--samples-per-class"]
    command(*arguments, 1)
    few = explanations(url)
    command(*arguments, 2)
    more = explanations(url)
    assert len({sample for _, sample, _ in more}) == 2 * len({sample for _, sample, _ in few})
    assert all(more[key] == row for key, row in few.items())
    assert more == finished.explanations
    before = contents(url)
    command(*arguments, 1)
    assert contents(url) == before, "a smaller number keeps what is there"


def test_a_changed_picture_alone_is_explained_again(tmp_path: Path, finished: Finished) -> None:
    copy = tmp_path / "set"
    shutil.copytree(finished.dataset, copy)
    url = f"sqlite:///{tmp_path}/changed.db"
    arguments = ["precompute", "run", *finished.options(url), "--dataset", copy, "--samples-per-class", 1]
    command(*arguments)
    before = explanations(url)
    sample = next(iter(before))[1]
    other = next(path for _, path, _ in before if path.split("/")[1] != sample.split("/")[1])
    shutil.copy(copy / other, copy / sample)
    command(*arguments)
    after = explanations(url)
    assert {path for _, path, _ in after} == {path for _, path, _ in before}
    unchanged = {key: row for key, row in before.items() if key[1] != sample}
    assert {key: after[key] for key in unchanged} == unchanged
    assert all(after.get(key) != row for key, row in before.items() if key[1] == sample)


def _explained_samples(path: Path) -> int:
    return _count(path, "SELECT count(DISTINCT sample_id) FROM explanation")


def _segmentations(path: Path) -> int:
    return _count(path, "SELECT count(DISTINCT settings_hash) FROM segmentation")


def _count(path: Path, query: str) -> int:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return int(connection.execute(query).fetchone()[0])
