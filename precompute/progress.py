"""Progress on standard error: a bar with a rate and the time left, or now and then a line where no terminal is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from tqdm import tqdm


class Progress(Protocol):
    """Shows how many are done of how many, with the throughput where it is measured."""

    def __call__(self, done: int, total: int, throughput: str = "") -> None: ...


class Throughput(Protocol):
    """Measures a stage's speed while it works; shown beside the progress bar."""

    def add(self, answer: Any) -> None: ...

    def __str__(self) -> str: ...


@contextmanager
def progress_bar(title: str, unit: str) -> Iterator[Progress]:
    """A callback `(done, total)` that draws a bar until the block ends.

    Args:
        title: what is being done, e.g. `explain-local`.
        unit: what is counted, e.g. `sample`.
    """
    terminal = sys.stderr.isatty()
    bar = tqdm(
        desc=title,
        unit=f" {unit}",
        file=sys.stderr,
        mininterval=0.2 if terminal else 20.0,
        dynamic_ncols=True,
        leave=True,
        delay=0.5,
    )

    def show(done: int, total: int, throughput: str = "") -> None:
        bar.total = total
        bar.set_postfix_str(throughput, refresh=False)
        bar.update(done - bar.n)

    with bar:
        yield show


def say(text: str) -> None:
    """One line on standard error, so that standard output stays for results."""
    print(text, file=sys.stderr, flush=True)
