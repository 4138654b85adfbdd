"""The process that holds a database for writing: which one it is, and whether it still lives."""

from __future__ import annotations

import datetime
import os
import socket
from dataclasses import dataclass
from pathlib import Path

DEAD_SECONDS = 60
_PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """One process on one machine; `mark` = `<boot>/<namespace>/<start>`, see `lease.process` in db/README.md."""

    host: str
    mark: str
    pid: int

    @property
    def pid_namespace(self) -> tuple[str, str]:
        """The machine and the PID namespace within which `pid` names one process."""
        return self.host, self.mark.rpartition("/")[0]


@dataclass(frozen=True)
class Holder:
    """Who holds a database, as its row in `lease` says; times are UTC."""

    token: str
    process: Process
    command: str
    acquired_at: datetime.datetime
    heartbeat_at: datetime.datetime

    def __str__(self) -> str:
        since = self.acquired_at.strftime("%Y-%m-%d %H:%M UTC")
        return f"{self.command} (pid {self.process.pid} on {self.process.host}, since {since})"

    def is_dead(self, now: datetime.datetime) -> bool:
        """Whether it ended without releasing the lease.

        Here the process itself is looked at: it may be stopped or swapped out for hours and yet live. Of one elsewhere
        (another machine or container) only the heartbeat tells. `now` is the clock that it is kept by: a database
        server's own; of a file that of the machine, whose leap by a minute makes a holder in another container look
        dead until its next beat.
        """
        if self.process.pid_namespace == this_process().pid_namespace:
            return not _is_running(self.process)
        return now - self.heartbeat_at > datetime.timedelta(seconds=DEAD_SECONDS)


def this_process() -> Process:
    """The current process."""
    pid = os.getpid()
    found = _state_and_start(pid)
    mark = f"{_text('sys/kernel/random/boot_id')}/{_namespace()}/{found[1] if found else ''}"
    return Process(socket.gethostname(), mark, pid)


def _is_running(process: Process) -> bool:
    found = _state_and_start(process.pid)
    if found is None:  # no /proc, or it hides other users' processes
        return _exists(process.pid)
    state, start = found
    return state not in ("Z", "X") and start == process.mark.rpartition("/")[2]


def _state_and_start(pid: int) -> tuple[str, str] | None:
    """State and start time of a process; the fields follow its name, which may hold spaces and parentheses."""
    fields = _text(f"{pid}/stat").rpartition(")")[2].split()
    return (fields[0], fields[19]) if len(fields) > 19 else None


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _namespace() -> str:
    try:
        return os.readlink(_PROC / "self" / "ns" / "pid")  # noqa: PTH115 - the link names nothing that exists
    except OSError:
        return ""


def _text(name: str) -> str:
    """What a file in /proc says, nothing where there is none."""
    try:
        return (_PROC / name).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
