"""The installed command `shelf-lens` is the same as `python -m`, from any folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import db
from tests.example_database import build

COMMAND = Path(sys.executable).parent / "shelf-lens"


def _run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COMMAND, *words], cwd=folder, capture_output=True, text=True, check=False)


def test_it_tells_its_version_from_any_folder(tmp_path: Path) -> None:
    assert _run(tmp_path, "--version").stdout == f"shelf-lens {db.__version__}\n"


@pytest.mark.parametrize("words", [("app",), ("evaluate", "deletion")])
def test_it_leads_to_every_package(tmp_path: Path, words: tuple[str, ...]) -> None:
    answer = _run(tmp_path, *words, "--help")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert f"Example: python -m {'' if words[0] == 'app' else 'precompute '}{words[0]}" in answer.stdout


def test_without_a_command_it_names_all_three(tmp_path: Path) -> None:
    told = _run(tmp_path).stdout
    assert all(f"python -m {package}" in told for package in ("app", "db", "precompute"))


def test_it_finds_the_database_of_the_folder(tmp_path: Path) -> None:
    build(f"sqlite:///{tmp_path / 'explanations.db'}")
    assert _run(tmp_path, "db", "check").stdout == "ok\n"
