"""Worker processes: each loads the models once and answers on one thread, so that their number changes no number."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from threadpoolctl import threadpool_limits

from db.errors import UserError
from precompute.dataset.pool import start_worker
from precompute.models.checkpoints import StoredCheckpoint
from precompute.models.loading import load_models
from precompute.models.protocol import Model
from precompute.recipe import Recipe

Job = TypeVar("Job")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Workplace:
    """What a worker needs to make its models."""

    recipe: Recipe
    artifacts: Path
    checkpoints: Mapping[str, StoredCheckpoint | None]
    classes: tuple[str, ...]
    device: str

    def models(self, threads: int = 1) -> dict[str, Model]:
        """Load the models by name; those that share towers share them."""
        return load_models(
            self.recipe, self.artifacts, self.checkpoints, list(self.classes), torch.device(self.device), threads
        )


@dataclass(frozen=True)
class Bench:
    """A worker's own place: the loaded models and the settings."""

    recipe: Recipe
    models: Mapping[str, Model]
    device: torch.device


@dataclass(frozen=True)
class Done(Generic[Job, Answer]):
    """A job with its answer, or with what went wrong; `fatal` = no job can be answered."""

    job: Job
    answer: Answer | None
    error: str | None
    fatal: bool = False


_bench: Bench | None = None
_misfortune = ""


def _settle(workplace: Workplace) -> None:
    global _bench, _misfortune
    start_worker()
    torch.set_num_threads(1)
    threadpool_limits(1)  # of BLAS: threads of several workers would wait for one another's core
    try:
        _bench = Bench(workplace.recipe, workplace.models(), torch.device(workplace.device))
    except Exception as error:  # raised here it would reach nobody: the pool says only that it broke
        _misfortune = _said(error)


def _work(function: Callable[[Bench, Any], Any], job: Any) -> Done[Any, Any]:
    if _bench is None:
        return Done(job, None, _misfortune, fatal=True)
    try:
        return Done(job, function(_bench, job), None)
    except Exception as error:
        return Done(job, None, _said(error))


def _said(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, UserError) else f"{type(error).__name__}: {text}"


class Workers:
    """A pool of processes that answer jobs out of order, with at most two jobs a worker on their way.

    Args:
        workplace: what each worker loads.
        count: number of processes.
    """

    def __init__(self, workplace: Workplace, count: int) -> None:
        self._count = count
        self._pool = ProcessPoolExecutor(
            count, multiprocessing.get_context("spawn"), initializer=_settle, initargs=(workplace,)
        )

    def answers(self, function: Callable[[Bench, Job], Answer], jobs: Iterable[Job]) -> Iterator[Done[Job, Answer]]:
        """Yield each job's answer as it is ready.

        Args:
            function: a module-level function of (bench, job).
            jobs: read lazily, so that memory does not grow with their number.

        Raises:
            UserError: a worker cannot load the models, or died.
        """
        waiting = iter(jobs)
        running: set[Future[Done[Job, Answer]]] = set()
        try:
            while True:
                for job in islice(waiting, 2 * self._count - len(running)):
                    running.add(self._pool.submit(_work, function, job))
                if not running:
                    return
                ready, running = wait(running, return_when=FIRST_COMPLETED)
                for future in ready:
                    done = future.result()
                    if done.fatal:
                        raise UserError(done.error)
                    yield done
        except BrokenProcessPool as error:
            raise UserError(
                "a worker process could not start or was killed (out of memory?): the same command resumes; "
                "--workers 1 or a smaller runtime.batch_size in the recipe needs less memory"
            ) from error

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
