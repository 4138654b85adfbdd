"""Bad input and broken pictures, from the command line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.command_line import command, process
from tests.integration.job.conftest import Finished


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["run", "--dataset", "/nowhere"], "/nowhere"),
        (["run", "--dataset", ".", "--recipe", "nonsense.toml"], "nonsense.toml"),
        (["probe", "--model", "x", "--sample", "y", "--db", "sqlite:////nowhere/x.db"], "/nowhere/x.db"),
        (["status", "--db", "nonsense"], "nonsense"),
    ],
)
def test_bad_input_gets_one_line_and_exit_code_2(arguments: list[str], words: str) -> None:
    answer = command("precompute", *arguments, check=False)
    assert answer.returncode == 2
    assert words in answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1


def test_bad_input_gets_the_same_line_from_a_process(tmp_path: Path) -> None:
    arguments = ["run", "--dataset", "/nowhere", "--db", f"sqlite:///{tmp_path}/x.db"]
    inside, outside = (one("precompute", *arguments, check=False) for one in (command, process))
    assert (outside.returncode, outside.stdout, outside.stderr) == (2, "", inside.stderr)


def test_a_broken_picture_is_skipped_listed_and_told_by_the_exit_code(tmp_path: Path, finished: Finished) -> None:
    copy = tmp_path / "set"
    shutil.copytree(finished.dataset, copy)
    broken = sorted((copy / "test").rglob("*.jpg"))[0]
    broken.write_bytes(broken.read_bytes()[:2000])
    url = f"sqlite:///{tmp_path}/broken.db"
    arguments = ["ingest", "--dataset", copy, "--recipe", finished.recipe, "--db", url]
    assert command("precompute", *arguments, check=False).returncode == 3
    assert broken.name in command("precompute", "status", "--db", url).stdout
