"""Where jobs are done: the same answers in this process and in workers, whatever happens to a worker."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from db.errors import UserError
from precompute import executors
from precompute.dataset.faults import InputChangedError
from precompute.executors import (
    MAX_WORKER_DEATHS,
    PREFETCH,
    FixedState,
    InProcess,
    Job,
    Outcome,
    Processes,
    Setup,
    Work,
    executor,
)

pytestmark = pytest.mark.slow


def jobs_of(*payloads: Any) -> list[Job]:
    return [Job((str(index),), payload, index) for index, payload in enumerate(payloads)]


def done(workers: int, work: Work, *payloads: Any, setup: Setup | None = None) -> list[Outcome]:
    """The outcomes in the order of the payloads; each job came back once."""
    found = list(executor(workers).run(setup or FixedState(), work, jobs_of(*payloads)))
    assert sorted(job.index for job, _ in found) == list(range(len(payloads)))
    return [outcome for _, outcome in sorted(found, key=lambda one: one[0].index)]


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    """No child process, and no signal that stays blocked."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, set())
    yield
    assert multiprocessing.active_children() == []
    assert signal.pthread_sigmask(signal.SIG_BLOCK, set()) == before


def shifted_square(state: int, number: int) -> int:
    time.sleep(0.02 if number % 3 == 0 else 0)
    return state + number * number


@pytest.mark.parametrize("workers", [1, 3])
def test_any_number_of_workers_gives_the_same_answers(workers: int) -> None:
    outcomes = done(workers, shifted_square, *range(20), setup=FixedState(1000))
    assert [one.answer for one in outcomes] == [1000 + n * n for n in range(20)]
    assert all(one.error is None and not one.fatal and one.seconds >= 0 for one in outcomes)
    assert outcomes[0].seconds >= 0.02


def test_one_worker_is_this_process_and_more_are_others() -> None:
    assert {one.answer for one in done(1, process_id, *range(3))} == {os.getpid()}
    others = {one.answer for one in done(2, process_id, *range(6))}
    assert os.getpid() not in others
    assert 1 <= len(others) <= 2
    assert isinstance(executor(1), InProcess)
    assert isinstance(executor(2), Processes)


def process_id(_: None, number: int) -> int:
    return os.getpid()


@pytest.mark.parametrize("workers", [1, 2])
def test_jobs_are_drawn_only_as_they_are_needed(workers: int) -> None:
    drawn = []

    def endless() -> Iterator[Job]:
        while True:
            drawn.append(len(drawn))
            yield Job((), drawn[-1], drawn[-1])

    results = executor(workers).run(FixedState(0), shifted_square, endless())
    for received in range(1, 6):
        next(results)
        assert len(drawn) <= received + workers * PREFETCH
    results.close()


def test_no_job_is_no_work() -> None:
    assert done(2, shifted_square) == []


def die_once(folder: str, number: int) -> int:
    marker = Path(folder) / "died"
    if number == 2 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_the_job_of_a_killed_worker_is_done_again(tmp_path: Path) -> None:
    outcomes = done(2, die_once, *range(8), setup=FixedState(str(tmp_path)))
    assert (tmp_path / "died").exists()
    assert [(one.answer, one.error) for one in outcomes] == [(number, None) for number in range(8)]


def die_always(folder: str, how: int | str) -> str:
    if isinstance(how, int):
        (Path(folder) / str(time.monotonic_ns())).touch()
        os.kill(os.getpid(), signal.SIGKILL) if how == signal.SIGKILL else os._exit(how)
    return how


@pytest.mark.parametrize(("how", "words"), [(signal.SIGKILL, "ended by signal 9"), (7, "ended with exit code 7")])
def test_a_job_that_always_kills_its_worker_fails_and_the_others_are_done(tmp_path: Path, how: int, words: str) -> None:
    outcomes = done(2, die_always, "a", int(how), "b", "c", "d", setup=FixedState(str(tmp_path)))
    assert [one.answer for one in outcomes] == ["a", None, "b", "c", "d"]
    assert [one.error is None for one in outcomes] == [True, False, True, True, True]
    assert len(list(tmp_path.iterdir())) == MAX_WORKER_DEATHS == 3
    assert str(outcomes[1].error).startswith(f"3 worker processes {words} while at it (out of memory?); --workers 1")
    assert not outcomes[1].fatal


@dataclass(frozen=True)
class Broken:
    """A setup that cannot be made."""

    error: Exception

    @contextmanager
    def start(self) -> Iterator[None]:
        raise self.error
        yield


PLACE = r" \(test_executors\.py, line \d+, in"
NO_MODEL = rf"ValueError: no model{PLACE} start\)"
SETUP_ERRORS = [(UserError("no model"), "no model"), (ValueError("no\n model"), NO_MODEL)]


@pytest.mark.parametrize(("error", "line"), SETUP_ERRORS)
def test_a_setup_that_fails_is_fatal_in_a_worker(error: Exception, line: str) -> None:
    results = Processes(2).run(Broken(error), shifted_square, jobs_of(*range(5)))
    _, outcome = next(results)
    assert (outcome.fatal, outcome.answer) == (True, None)
    assert re.fullmatch(line, str(outcome.error))
    results.close()


@pytest.mark.parametrize(("error", "line"), SETUP_ERRORS)
def test_a_setup_that_fails_in_this_process_is_an_error_of_one_line(error: Exception, line: str) -> None:
    with pytest.raises(UserError, match=f"^{line}$"):
        done(1, shifted_square, 1, setup=Broken(error))


@dataclass(frozen=True)
class Recorded:
    """A setup that notes in a file when it starts and ends."""

    file: Path

    @contextmanager
    def start(self) -> Iterator[int]:
        with self.file.open("a") as notes:
            notes.write(f"start {os.getpid()}\n")
        yield 0
        with self.file.open("a") as notes:
            notes.write("end\n")


def test_the_state_is_made_once_a_worker_and_in_this_process_given_back(tmp_path: Path) -> None:
    done(1, shifted_square, *range(4), setup=Recorded(tmp_path / "one"))
    assert (tmp_path / "one").read_text() == f"start {os.getpid()}\nend\n"
    done(2, shifted_square, *range(9), setup=Recorded(tmp_path / "two"))
    starts = (tmp_path / "two").read_text().splitlines()
    assert len(starts) == len(set(starts)) == 2


def fail(_: None, kind: str) -> str:
    if kind == "value":
        raise ValueError("of two\n  lines")
    if kind == "user":
        raise UserError("a whole sentence; do this")
    if kind == "input":
        raise InputChangedError("x.jpg: gone")
    return kind


@pytest.mark.parametrize("workers", [1, 2])
def test_an_exception_becomes_a_line_and_the_rest_goes_on(workers: int) -> None:
    value, user, changed, fine = done(workers, fail, "value", "user", "input", "fine")
    assert re.fullmatch(f"ValueError: of two lines{PLACE} fail\\)", str(value.error))
    assert not value.input_changed
    assert (user.error, user.input_changed) == ("a whole sentence; do this", False)
    assert (changed.error, changed.input_changed) == ("x.jpg: gone", True)
    assert (fine.answer, fine.error) == ("fine", None)
    assert not any(one.fatal for one in (value, user, changed, fine))


def cannot_be_sent(_: None, number: int) -> Any:
    return lambda: number


def test_an_answer_that_cannot_be_sent_is_an_error_and_not_a_wait_for_ever() -> None:
    results = Processes(2).run(FixedState(), cannot_be_sent, jobs_of(1, 2))
    _, outcome = next(results)
    assert outcome.fatal
    assert "pickle" in str(outcome.error)
    results.close()


def interrupt_oneself(_: None, number: int) -> int:
    os.kill(os.getpid(), signal.SIGINT)
    return number


def test_a_worker_leaves_ctrl_c_to_its_parent() -> None:
    assert [one.answer for one in done(2, interrupt_oneself, 1, 2, 3)] == [1, 2, 3]


def test_workers_end_when_one_of_them_cannot_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    start, started = executors._start, []

    def limited(*arguments: Any) -> Any:
        if len(started) == 1:
            raise OSError("no more processes")
        started.append(start(*arguments))
        return started[0]

    monkeypatch.setattr(executors, "_start", limited)
    with pytest.raises(OSError, match="no more processes"):
        done(3, shifted_square, 1, 2, 3, setup=FixedState(0))
    assert not started[0].process.is_alive()


def sleep(_: None, seconds: float) -> None:
    time.sleep(seconds)


def test_workers_end_when_their_results_are_not_wanted_any_more() -> None:
    results = Processes(2).run(FixedState(), sleep, jobs_of(0.0, *[60.0] * 9))
    next(results)
    assert len(multiprocessing.active_children()) == 2
    started = time.perf_counter()
    results.close()
    assert time.perf_counter() - started < 10


PROGRAM = """
import time
from precompute.executors import FixedState, Job, Processes
from tests.unit.test_executors import Broken, sleep
if __name__ == '__main__':
    jobs = (Job((), 0.0 if index == 0 else SECONDS, index) for index in range(1000))
    results = Processes(2).run(SETUP, sleep, jobs)
    next(results)
    print('ready', flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize(
    ("setup", "seconds"),
    [("FixedState()", 0.001), ("FixedState()", 60.0), ("Broken(ValueError())", 0.0)],
    ids=["idle", "at work", "without a setup"],
)
def test_workers_end_when_their_parent_is_killed(setup: str, seconds: float) -> None:
    program = PROGRAM.replace("SETUP", setup).replace("SECONDS", str(seconds))
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "ready\n"
    children = [int(pid) for pid in Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()]
    workers = [pid for pid in children if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()]
    assert len(workers) == 2
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 20
    while any(map(is_running, workers)):
        assert time.monotonic() < deadline, "workers outlive their parent"
        time.sleep(0.05)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
