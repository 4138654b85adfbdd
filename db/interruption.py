"""SIGINT and SIGTERM: work stops at the next safe instant, nothing is left half written, one line says how to go on."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

GOES_ON = "what is finished is kept; the same command goes on from there"
_NAMES = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}


class Interrupted(BaseException):
    """Raised in the main thread by a signal; `code` = the process's exit code, 128 + the signal's number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"{_NAMES[signal.Signals(number)]}; {GOES_ON}")
        self.code = 128 + number


class _State:
    received: int | None = None
    working = False
    deferring = 0


def install() -> None:
    """Handle both signals from now on; only the main thread of a program may call it."""
    for number in _NAMES:
        signal.signal(number, _handle)
    previous = sys.unraisablehook
    # Raised inside a callback of C code the exception goes no further than this hook; `check` raises it again.
    sys.unraisablehook = lambda raised: None if isinstance(raised.exc_value, Interrupted) else previous(raised)


def _handle(number: int, _: FrameType | None) -> None:
    if _State.received is not None:  # the first one is being obeyed
        return
    _State.received = number
    if not _State.working:  # nothing is open yet, or everything is closed
        leave(Interrupted(number))
    check()


def check() -> None:
    """Raise what was received, unless a transaction is in hand.

    Raises:
        Interrupted: a signal came.
    """
    if _State.received is not None and not _State.deferring and threading.current_thread() is threading.main_thread():
        raise Interrupted(_State.received)


@contextmanager
def deferred() -> Iterator[None]:
    """A block that a signal does not interrupt: it takes effect at the end of the block."""
    _State.deferring += 1
    try:
        yield
    finally:
        _State.deferring -= 1
    check()


@contextmanager
def interruptible() -> Iterator[None]:
    """A block that opens what must be closed; whatever a signal makes of the work in it becomes Interrupted.

    Raises:
        Interrupted: a signal came.
    """
    _State.working = True
    try:
        yield
        check()
    except BaseException as error:
        # Libraries turn an exception that breaks an import or a callback into their own.
        if _State.received is not None and not isinstance(error, Interrupted):
            raise Interrupted(_State.received) from None
        raise
    finally:
        _State.working = False


def finish() -> None:
    """Ignore both signals from now on: the work is done, and while the interpreter ends one would kill the process."""
    if signal.getsignal(signal.SIGINT) is _handle:
        for number in _NAMES:
            signal.signal(number, signal.SIG_IGN)


def leave(error: Interrupted) -> None:
    """End the process with one line, without the interpreter's own clean-up, which waits for threads of libraries."""
    sys.stdout.flush()
    print(f"\r{error}", file=sys.stderr, flush=True)
    os._exit(error.code)
