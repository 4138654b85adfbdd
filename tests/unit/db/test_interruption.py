"""SIGINT and SIGTERM: obeyed between transactions, one line, the exit code of the signal, no traceback."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from db.interruption import GOES_ON

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parent.parent.parent.parent
START = """
import os, signal, sys, time, typer
from db import commandline, interruption
interruption.install()
app = typer.Typer()
def send(): os.kill(os.getpid(), signal.{name})
@app.command()
def main() -> None:
{body}
commandline.run(app, "test")
"""


def run(body: str, name: str = "SIGINT") -> subprocess.CompletedProcess[str]:
    indented = "".join(f"    {line}\n" for line in body.strip().splitlines())
    code = START.format(body=indented, name=name)
    return subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("body", ["send()", "with interruption.interruptible():\n    send()\n    time.sleep(5)"])
def test_a_signal_ends_the_program_with_one_line_and_its_code(name: str, body: str) -> None:
    answer = run(body, name)
    assert answer.returncode == 128 + getattr(signal, name)
    (line,) = answer.stderr.strip().splitlines()
    assert GOES_ON in line


def test_what_must_be_closed_is_closed_and_a_second_signal_does_not_break_it() -> None:
    answer = run(
        """
with interruption.interruptible():
    try:
        send()
        time.sleep(5)
    finally:
        send()
        print("closed")
"""
    )
    assert (answer.returncode, answer.stdout) == (130, "closed\n")


def test_a_transaction_is_finished_first() -> None:
    answer = run(
        """
with interruption.interruptible():
    with interruption.deferred():
        send()
        print("written")
    print("never")
"""
    )
    assert (answer.returncode, answer.stdout) == (130, "written\n")


@pytest.mark.parametrize(
    "swallowed", ["raise ImportError('numpy')", "pass"], ids=["turned into another error", "swallowed"]
)
def test_libraries_that_catch_everything_do_not_hide_a_signal(swallowed: str) -> None:
    answer = run(
        f"""
with interruption.interruptible():
    try:
        send()
        time.sleep(5)
    except BaseException:
        {swallowed}
"""
    )
    assert answer.returncode == 130
    assert "Traceback" not in answer.stderr


def test_an_error_without_a_signal_stays_what_it_is() -> None:
    answer = run("with interruption.interruptible():\n    raise ValueError('x')")
    assert answer.returncode == 1
    assert "ValueError: x" in answer.stderr
