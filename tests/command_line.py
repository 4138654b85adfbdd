"""The command lines, called in this process: what they print, and their exit codes."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

from db import commandline

PROJECT = Path(__file__).parent.parent
PROGRAMS = {"precompute": "precompute", "db": "python -m db", "app": "python -m app"}
"""What each calls itself in messages."""


def command(
    package: str, *arguments: object, check: bool = True, cwd: Path = PROJECT
) -> subprocess.CompletedProcess[str]:
    """As `python -m package arguments` in a folder, without the seconds that a process takes to import everything.

    What would be a traceback there is raised here.

    Args:
        check: whether another exit code than 0 is an error.

    Raises:
        CalledProcessError: there is one.
    """
    out, err = io.StringIO(), io.StringIO()
    words = [package, *map(str, arguments)]
    with (
        mock.patch.object(sys, "argv", words),
        mock.patch.dict(os.environ, COLUMNS="120"),
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            commandline.run(importlib.import_module(f"{package}.__main__").app, PROGRAMS[package])
        except SystemExit as ended:
            code = ended.code
    answer = subprocess.CompletedProcess(words, int(code or 0), out.getvalue(), err.getvalue())
    if check and answer.returncode:
        raise subprocess.CalledProcessError(answer.returncode, words, answer.stdout, answer.stderr)
    return answer


def process(
    package: str, *arguments: object, check: bool = True, cwd: Path = PROJECT
) -> subprocess.CompletedProcess[str]:
    """The same as a process of its own."""
    words = [sys.executable, "-m", package, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "COLUMNS": "120"}
    return subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, check=check)
