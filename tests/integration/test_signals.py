"""A signal at instants that a random one seldom meets: while a database is opened or closed, a worker starts."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from db import session

PROJECT = Path(__file__).parent.parent.parent
SCRIPT = """
import os, signal, sys
from db import commandline, interruption, session
from db.write import lease
from db.interruption import Interrupted
from precompute.pipeline import writing
where, number, url = sys.argv[1], int(sys.argv[2]), sys.argv[3]
interruption.install()

def struck(module, name):
    original = getattr(module, name)
    def with_signal(*arguments):
        os.kill(os.getpid(), number)
        return original(*arguments)
    setattr(module, name, with_signal)

if where == "opening":
    struck(session, "_demand")
elif where == "giving back":
    struck(lease, "_release")
elif where == "closing":
    struck(session.contextlib, "closing")
try:
    with writing(url, "test", False):
        pass
except Interrupted as error:
    interruption.leave(error)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("where", ["opening", "giving back", "closing"])
def test_a_signal_while_a_file_is_opened_or_closed_leaves_one_plain_file(
    where: str, number: signal.Signals, tmp_path: Path
) -> None:
    file = tmp_path / "some.db"
    session.finish(session.create(f"sqlite:///{file}"))
    answer = subprocess.run(
        [sys.executable, "-c", SCRIPT, where, str(int(number)), f"sqlite:///{file}"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert answer.returncode == 128 + number, answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1
    assert file.read_bytes()[18:20] == b"\x01\x01"
    assert [path.name for path in tmp_path.iterdir()] == ["some.db"]


WORKER = """
import pathlib
from precompute.executors import FixedState, _start
worker = _start(FixedState(), print)
status = pathlib.Path(f"/proc/{worker.process.pid}/status").read_text()
print(next(line.split()[1] for line in status.splitlines() if line.startswith("SigBlk")))
worker.process.kill()
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc")
def test_the_first_worker_does_not_hear_ctrl_c_either() -> None:
    answer = subprocess.run([sys.executable, "-c", WORKER], cwd=PROJECT, capture_output=True, text=True, timeout=60)
    blocked = int(answer.stdout, 16)
    assert blocked >> (signal.SIGINT - 1) & 1
