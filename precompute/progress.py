"""Progress on standard error: a bar with a rate and the time left, or now and then a line where no terminal is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

Progress = Callable[[int, int], None]


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

    def show(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

    with bar:
        yield show


def say(text: str) -> None:
    """One line on standard error, so that standard output stays for results."""
    print(text, file=sys.stderr, flush=True)
