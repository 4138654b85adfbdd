"""Worker processes that yield results in the order of the tasks, whatever their number."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import TypeVar

from db.errors import UserError

Task = TypeVar("Task")
Result = TypeVar("Result")

_AHEAD = 4  # tasks a worker that may wait or be done: bounds memory


def in_order(function: Callable[[Task], Result], tasks: Iterable[Task], workers: int) -> Generator[Result, None, None]:
    """Apply a function, one that can be pickled, to tasks that are drawn only as they are needed.

    Args:
        workers: processes; 1 = this one.

    Raises:
        UserError: a worker was killed, most likely for want of memory.
    """
    if workers <= 1:
        yield from map(function, tasks)
        return
    context = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=start_worker)
    waiting: deque[Future[Result]] = deque()
    remaining = iter(tasks)
    try:
        waiting.extend(pool.submit(function, task) for task in islice(remaining, _AHEAD * workers))
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(pool.submit(function, task) for task in islice(remaining, 1))
    except BrokenProcessPool as error:
        raise UserError("a worker process was killed, perhaps for want of memory; try fewer --workers") from error
    finally:
        pool.shutdown(cancel_futures=True)


def start_worker() -> None:
    """What a worker process does first: leave Ctrl-C to its parent, and end when that ends, however it does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl-C and ends its workers
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A killed parent cannot end its workers, and these would wait for tasks for ever."""
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)
