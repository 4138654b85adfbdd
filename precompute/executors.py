"""Where jobs are done: in this process or in worker processes; a worker that dies is replaced, its job done again."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sysconfig
import threading
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, Protocol

from db import interruption
from db.errors import UserError
from precompute.dataset.faults import InputChangedError

MAX_WORKER_DEATHS = 3
"""A job that so many workers died of is not tried again."""
_PROJECT = Path(__file__).parent.parent
_INSTALLED = (
    *(_PROJECT / name for name in ("precompute", "db", "app")),
    *(Path(sysconfig.get_paths()[name]) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
)
"""Folders of Shelf Lens, Python and installed packages; a file elsewhere is a user's own."""
PREFETCH = 2
"""Jobs that a worker has at a time: the one in hand and the next."""


class Setup(Protocol):
    """What jobs need, made once a worker; it is pickled to get there."""

    def start(self) -> AbstractContextManager[Any]:
        """The worker state, e.g. loaded models, which every call of the work gets."""


@dataclass(frozen=True)
class FixedState:
    """The setup of work that needs no more than a value, e.g. settings; `state` is the worker state."""

    state: Any = None

    @contextmanager
    def start(self) -> Iterator[Any]:
        yield self.state


@dataclass(frozen=True)
class Job:
    """One call of a stage's work, for the tasks with these keys, or a part of one; `index` among the stage's jobs."""

    keys: tuple[str, ...]
    payload: Any
    index: int = 0


@dataclass(frozen=True)
class Outcome:
    """The result of a job: its answer or its error.

    Attributes:
        seconds: that the work took.
        fatal: no job can be done at all, e.g. because the models cannot be loaded.
        input_changed: the reason is a file that is not what was ingested.
    """

    answer: Any = None
    error: str | None = None
    seconds: float = 0.0
    fatal: bool = False
    input_changed: bool = False


Work = Callable[[Any, Any], Any]
"""(worker state, a job's payload) -> answer; a function of a module, so that other processes can import it."""


class Executor(Protocol):
    """Does jobs in any order; they are drawn only as they are needed, so that memory does not grow with them."""

    def run(self, setup: Setup, work: Work, jobs: Iterable[Job]) -> Generator[tuple[Job, Outcome], None, None]: ...


class InProcess:
    """One job at a time in this process."""

    def run(self, setup: Setup, work: Work, jobs: Iterable[Job]) -> Generator[tuple[Job, Outcome], None, None]:
        with ExitStack() as stack:
            try:
                state = stack.enter_context(setup.start())
            except Exception as error:
                raise UserError(reason(error)) from error
            for job in jobs:
                interruption.check()
                yield job, _attempt(work, state, job)


@dataclass
class _Worker:
    process: SpawnProcess
    connection: Connection
    jobs: deque[Job] = field(default_factory=deque)


class Processes:
    """Worker processes, each with its own pipe, so that killing one does not affect the others.

    Args:
        count: number of processes.
    """

    def __init__(self, count: int) -> None:
        self._count = count

    def run(self, setup: Setup, work: Work, jobs: Iterable[Job]) -> Generator[tuple[Job, Outcome], None, None]:
        waiting = iter(jobs)
        again: deque[Job] = deque()  # jobs of workers that died
        deaths: Counter[int] = Counter()
        workers: list[_Worker] = []
        try:
            for _ in range(self._count):
                workers.append(_start(setup, work))
            while True:
                for worker in workers:
                    _fill(worker, again, waiting)
                busy = {worker.connection: worker for worker in workers if worker.jobs}
                if not busy:
                    return
                for connection in wait(list(busy)):
                    worker = busy[connection]  # type: ignore[index]
                    interruption.check()
                    try:
                        outcome = worker.connection.recv()
                    except (EOFError, OSError):
                        workers[workers.index(worker)] = _start(setup, work)
                        if (failed := _requeue(worker, deaths, again)) is not None:
                            yield failed
                        continue
                    yield worker.jobs.popleft(), outcome
        finally:
            for worker in workers:
                worker.process.kill()
            for worker in workers:
                worker.process.join()
                worker.connection.close()


def executor(count: int) -> Executor:
    """The executor for so many workers."""
    return InProcess() if count <= 1 else Processes(count)


def _fill(worker: _Worker, again: deque[Job], waiting: Iterator[Job]) -> None:
    while len(worker.jobs) < PREFETCH:
        job = again.popleft() if again else next(waiting, None)
        if job is None:
            return
        worker.jobs.append(job)
        with suppress(OSError):  # it just died, which the next wait shows
            worker.connection.send(job)


def _requeue(worker: _Worker, deaths: Counter[int], again: deque[Job]) -> tuple[Job, Outcome] | None:
    """Put a dead worker's jobs back; the one in hand comes back as failed after MAX_WORKER_DEATHS."""
    worker.process.join()
    worker.connection.close()
    first = worker.jobs.popleft()
    deaths[first.index] += 1
    again.extend(worker.jobs)
    if deaths[first.index] < MAX_WORKER_DEATHS:
        again.appendleft(first)
        return None
    code = worker.process.exitcode or 0
    how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
    return first, Outcome(
        error=f"{MAX_WORKER_DEATHS} worker processes ended {how} while at it (out of memory?); "
        "--workers 1 or a smaller runtime.batch_size in the recipe needs less memory",
    )


def _start(setup: Setup, work: Work) -> _Worker:
    context = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, setup, work), daemon=True)
    with _signals_blocked():
        process.start()
    theirs.close()
    return _Worker(process, ours)


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """A process that starts in here never sees Ctrl-C: its parent gets the signal, and ends its workers."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # the first process would start it, which unblocks both signals
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(connection: Connection, setup: Setup, work: Work) -> None:
    """The loop of a worker process: answer jobs until its parent is gone."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(connection, jobs), daemon=True).start()
    first = jobs.get()
    try:
        with setup.start() as state:
            job = first
            while True:
                connection.send(_attempt(work, state, job))
                job = jobs.get()
    except Exception as error:
        connection.send(Outcome(error=reason(error), fatal=True))
        threading.Event().wait()


def _receive(connection: Connection, jobs: queue.SimpleQueue[Job]) -> None:
    """Read ahead, so that the parent never waits for a worker that is at work; end when the parent does."""
    try:
        while True:
            jobs.put(connection.recv())
    except (EOFError, OSError):
        os._exit(1)


def _attempt(work: Work, state: Any, job: Job) -> Outcome:
    started = time.perf_counter()
    try:
        return Outcome(work(state, job.payload), seconds=time.perf_counter() - started)
    except Exception as error:
        return Outcome(error=reason(error), input_changed=isinstance(error, InputChangedError))


def reason(error: Exception) -> str:
    """An exception in one line, and where a user's own code raised it; a UserError is one line already."""
    text = " ".join(str(error).split())
    return text if isinstance(error, UserError) else f"{type(error).__name__}: {text}{_own_frame(error)}"


def _own_frame(error: Exception) -> str:
    """The innermost frame outside Shelf Lens and its dependencies, e.g. of a user's own model; empty without one."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_file() and not any(path.is_relative_to(folder) for folder in _INSTALLED):
            return f" ({path.name}, line {frame.lineno}, in {frame.name})"
    return ""
