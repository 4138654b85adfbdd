"""The edge of the command lines: exit codes, and one line in place of a traceback."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from sqlalchemy.exc import OperationalError

from db import commandline
from db.errors import UserError


def _raise(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


def _run(command: Callable[..., None], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    app = typer.Typer(add_completion=False)
    app.command()(command)
    monkeypatch.setattr(sys, "argv", ["prog", *arguments])
    with pytest.raises(SystemExit) as caught:
        commandline.run(app, "python -m prog")
    return int(caught.value.code or 0)


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (UserError("x.db: no such file"), 2, "python -m prog: x.db: no such file\n"),
        (UserError("two\nlines"), 2, "python -m prog: two lines\n"),
        (FileNotFoundError(2, "No such file or directory", "x"), 2, "python -m prog: x: No such file or directory\n"),
        (
            OSError(28, "No space left on device"),
            2,
            "python -m prog: No space left on device; free some space and run the same command again: what was finished"
            " is kept\n",
        ),
        (
            OperationalError("SELECT", {}, sqlite3.OperationalError("database is locked")),
            2,
            "python -m prog: database: database is locked; another program is at work on it: wait for it or stop it\n",
        ),
        (KeyboardInterrupt(), 130, ""),
        (typer.Abort(), 130, ""),
        (typer.Exit(3), 3, ""),
    ],
)
def test_what_ends_a_command(
    error: BaseException,
    code: int,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _run(_raise(error), monkeypatch) == code
    assert capsys.readouterr().err == line


def test_a_command_that_ends_well_exits_with_0(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _run(lambda: None, monkeypatch) == 0


def test_a_wrong_option_names_the_help(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(lambda: None, monkeypatch, "--nonsense") == 2
    assert capsys.readouterr().err == ("python -m prog: No such option: --nonsense (see `python -m prog --help`)\n")


def test_an_error_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    app = typer.Typer(add_completion=False)
    app.command()(_raise(ZeroDivisionError()))
    monkeypatch.setattr(sys, "argv", ["prog"])
    with pytest.raises(ZeroDivisionError):
        commandline.run(app, "prog")


def test_a_bad_value_of_an_option_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def command(count: int = 1) -> None:
        (tmp_path / "ran").touch()

    assert _run(command, monkeypatch, "--count", "many") == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "ran").exists()
