"""Options of a run, and the open run that stages work in."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from db.session import Engine
from db.write.writer import Writer
from precompute.recipe import Recipe


@dataclass(frozen=True)
class RunOptions:
    """Options of the command line; none of them changes a number, only how much is computed and how fast.

    Attributes:
        samples_per_class: explain so many samples of each class, all where None.
        worst_classes: explain only so many classes, the least accurate first, all where None.
        workers: processes that work at a time, one a core where None; 1 = this process.
        replace: whether finished results of unchanged inputs may be removed.
        retry_failed: whether units that failed are tried again.
        wait: whether to wait for another run on the same database.
    """

    dataset: Path
    url: str
    recipe: Recipe
    artifacts: Path
    samples_per_class: int | None = None
    worst_classes: int | None = None
    workers: int | None = None
    device: str = "auto"
    replace: bool = False
    retry_failed: bool = False
    wait: bool = False


@dataclass(frozen=True)
class RunContext:
    """Options with the open database and the run that results belong to."""

    options: RunOptions
    engine: Engine
    writer: Writer
    run_id: int

    @property
    def recipe(self) -> Recipe:
        return self.options.recipe

    @property
    def dataset(self) -> Path:
        return self.options.dataset


def worker_count(options: RunOptions) -> int:
    """How many processes may work at a time: as asked, else one a core."""
    return options.workers or cores()


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
