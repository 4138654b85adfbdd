"""The job as real processes: started in a session of its own, watched by what it says, hit and judged."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.faults.warm import WarmProcess

PROJECT = Path(__file__).parent.parent.parent.parent
WARM = "SHELFLENS_FAULTS_WARM"
"""Set in the environment, commands are forked from a process that has imported everything."""
PATIENCE = 300.0
"""Seconds after which a process hangs."""
_TO_DO = re.compile(r"([a-z-]+): \d+ to do")
_RUN_STAGES = (
    "start of run",
    "ingest",
    "train",
    "predict",
    "explain-local",
    "explain-global",
    "rank-global",
    "activation",
    "activation-classes",
)
STAGES = {
    "run": _RUN_STAGES,
    "deletion": ("start of deletion", "evaluate-deletion", "evaluate-deletion-summary"),
    "faithfulness": ("start of faithfulness", "evaluate-faithfulness"),
    "localisation": ("start of localisation", "evaluate-localisation", "evaluate-superpixels"),
}
"""What a command is at, in the order in which it is."""


class FaultError(AssertionError):
    """The job did what it must not do."""


@dataclass(frozen=True)
class Place:
    """One database with all that belongs to it."""

    url: str
    dataset: Path
    recipe: Path
    artifacts: Path
    logs: Path

    def arguments(self, name: str, workers: int, *more: str) -> list[str]:
        """Of one command of the whole job."""
        common = ["--db", self.url, "--workers", str(workers), *more]
        if name == "run":
            given = {"--dataset": self.dataset, "--recipe": self.recipe, "--artifacts": self.artifacts}
            return ["run", *(str(part) for pair in given.items() for part in pair), *common]
        few = ["--samples-per-class", "1", "--steps", "3"] if name == "faithfulness" else []
        return ["evaluate", name, *few, *common]

    def start(self, name: str, workers: int = 1, *more: str) -> Running:
        """A command as a process."""
        self.logs.mkdir(exist_ok=True)
        log = self.logs / f"{len(list(self.logs.iterdir())):04d}-{name}.txt"
        log.touch()
        if os.environ.get(WARM):
            return Running(name, WarmProcess(self.arguments(name, workers, *more), PROJECT, log), log)
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", "precompute", *self.arguments(name, workers, *more)],
                cwd=PROJECT,
                env={**os.environ, "HF_HUB_OFFLINE": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stream,
                start_new_session=True,
            )
        return Running(name, process, log)


@dataclass
class Running:
    """A command at work."""

    name: str
    process: subprocess.Popen[bytes] | WarmProcess
    log: Path
    started: float = field(default_factory=time.monotonic)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    @property
    def age(self) -> float:
        return time.monotonic() - self.started

    def said(self) -> list[str]:
        """Its lines on standard error, those of a progress bar too."""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return [line for line in re.split(r"[\r\n]+", text) if line.strip()]

    def stage(self) -> str:
        """What it is at."""
        at = STAGES[self.name][0]
        for line in self.said():
            if found := _TO_DO.match(line):
                at = found[1]
            elif line.startswith("ingest: ") and " added, " in line:
                at = "train"
            elif line.startswith("explain-local: all "):
                at = "explain-global"
        return at

    def obeys_signals(self) -> bool:
        """Whether it has come so far that it handles SIGTERM; before that, nothing is open."""
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text()
        except OSError:
            return False
        caught = next((line.split()[1] for line in status.splitlines() if line.startswith("SigCgt")), "0")
        return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)

    def workers(self) -> list[int]:
        """Process ids of its worker processes."""
        found = []
        for pid in self._session():
            command = _read(f"/proc/{pid}/cmdline")
            if pid != self.process.pid and "spawn_main" in command:
                found.append(pid)
        return found

    def kill(self, number: int = signal.SIGKILL, whole: bool = True) -> None:
        """Send a signal to the whole group or to the command alone."""
        try:
            (os.killpg if whole else os.kill)(self.process.pid, number)
        except ProcessLookupError:
            return

    def end(self) -> int:
        """Wait for the end; returns the exit code.

        Raises:
            FaultError: it does not end, it leaves processes behind, or shows a traceback.
        """
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            self.process.wait()
            raise FaultError(f"{self.name}: hangs; {self.tail()}") from None
        deadline = time.monotonic() + 10
        while left := self._session():
            if time.monotonic() > deadline:
                self.kill()
                raise FaultError(f"{self.name}: left processes behind: {left}")
            time.sleep(0.02)
        if any("Traceback" in line for line in self.said()):
            raise FaultError(f"{self.name}: traceback on standard error; {self.log}: {self.tail(12)}")
        return code

    def tail(self, lines: int = 3) -> str:
        return " / ".join(self.said()[-lines:])

    def demand(self, code: int, *expected: int) -> None:
        """Raises:
        FaultError: another exit code than expected.
        """
        if code not in expected:
            raise FaultError(f"{self.name}: exit code {code}, expected {expected}; {self.log}: {self.tail()}")

    def _session(self) -> list[int]:
        """Living processes of its session."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            fields = _read(f"/proc/{entry.name}/stat").rpartition(")")[2].split()
            if len(fields) > 3 and int(fields[3]) == self.process.pid and fields[0] not in ("Z", "X"):
                found.append(int(entry.name))
        return found


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""
