"""Worker processes: order, errors, and what happens to them when the parent ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from db.errors import UserError
from precompute.dataset.pool import in_order


def square(number: int) -> int:
    time.sleep(0.02 if number % 3 == 0 else 0)
    return number * number


def die(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
def test_results_come_in_the_order_of_the_tasks(workers: int) -> None:
    assert list(in_order(square, range(20), workers)) == [n * n for n in range(20)]


def test_tasks_are_drawn_only_as_they_are_needed() -> None:
    drawn = []

    def tasks() -> Iterator[int]:
        for number in range(1000):
            drawn.append(number)
            yield number

    results = in_order(square, tasks(), 2)
    assert next(results) == 0
    assert len(drawn) < 20
    results.close()


def test_a_killed_worker_is_one_clear_sentence() -> None:
    with pytest.raises(UserError, match="try fewer --workers"):
        list(in_order(die, range(4), 2))


IN_ORDER = """
import time
from precompute.dataset.pool import in_order
if __name__ == '__main__':
    results = in_order(time.sleep, [0.0, 0.0, 0.0] * 1000, 2)
    next(results)
    print('ready', flush=True)
    time.sleep(60)
"""
WITH_MODELS = """
import contextlib, pathlib, time
from db.errors import UserError
from precompute.recipe import Recipe
from precompute.workers import Workers, Workplace
if __name__ == '__main__':
    workers = Workers(Workplace(Recipe(), pathlib.Path('nowhere'), {'image': None}, ('a', 'b'), 'cpu'), 2)
    with contextlib.suppress(UserError):  # there is nothing to load; the workers are there all the same
        next(workers.answers(abs, iter([1] * 10)))
    print('ready', flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("program", [IN_ORDER, WITH_MODELS])
def test_workers_end_when_their_parent_is_killed(program: str) -> None:
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
