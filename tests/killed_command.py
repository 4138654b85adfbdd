"""The offline job killed at one known instant, with all its worker processes."""

from __future__ import annotations

import signal
import subprocess
import sys

from tests.command_line import PROJECT

PROGRAM = """
import os, signal, sys
from db import commandline
from db.write.writer import Writer
from precompute.__main__ import app

stage, left = sys.argv[1], int(sys.argv[2])
store = Writer.store

def store_and_die(self, units):
    global left
    store(self, units)
    left -= units[0].stage == stage
    if left == 0:
        os.killpg(0, signal.SIGKILL)

Writer.store = store_and_die
del sys.argv[1:3]
commandline.run(app, "precompute")
"""


def kill_in(stage: str, transactions: int, *arguments: object) -> None:
    """Run `python -m precompute arguments` up to the end of the stage's so many-th transaction."""
    words = [sys.executable, "-c", PROGRAM, stage, str(transactions), *map(str, arguments)]
    ended = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True, start_new_session=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
