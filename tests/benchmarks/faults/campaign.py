"""One database through many faults: the job is started, hit, judged; now and then it is let finish and compared."""

from __future__ import annotations

import random
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.benchmarks.faults import truth
from tests.benchmarks.faults.disk import SmallDisk
from tests.benchmarks.faults.ground import Ground
from tests.benchmarks.faults.job import STAGES, FaultError, Place, Running

SECONDS = {"start of": 2.5, "ingest": 0.5, "train": 1.0, "explain-local": 2.0, "activation": 1.5, "evaluate": 1.5}
"""About how long a stage lasts: a hit comes within so long of its begin."""
SKIPPED = 3
Hit = Callable[[Running], None]


@dataclass
class Tally:
    """What was done, and what came of it."""

    by_kind: Counter[str] = field(default_factory=Counter)
    by_stage: Counter[str] = field(default_factory=Counter)
    sigkills: int = 0
    check_failures: int = 0
    export_differences: int = 0
    other_failures: int = 0
    comparisons: int = 0
    seconds: float = 0.0

    @property
    def failed(self) -> int:
        return self.check_failures + self.export_differences + self.other_failures

    def add(self, other: Tally) -> None:
        self.by_kind += other.by_kind
        self.by_stage += other.by_stage
        for name in ("sigkills", "check_failures", "export_differences", "other_failures", "comparisons", "seconds"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass
class Campaign:
    """Faults on one database.

    Attributes:
        commands: what the whole job consists of; `position` = the one that it goes on with.
        steps: what was done since the database was new.
        renew: makes an empty database of the URL, after a failure.
        quick: one process works, as more take longer to start; it is compared at the end alone.
    """

    place: Place
    ground: Ground
    references: truth.References
    commands: tuple[str, ...]
    random: random.Random
    renew: Callable[[], None]
    disk: SmallDisk | None = None
    quick: bool = False
    position: int = 0
    steps: list[str] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    _existed: bool = False

    def workers(self, *numbers: int) -> int:
        """How many processes are to work: one of these numbers."""
        return 1 if self.quick else self.random.choice(numbers)

    def step(self, text: str) -> None:
        self.steps.append(text)
        print(f"  {time.strftime('%H:%M:%S')} {text}", flush=True)

    def change(self, text: str) -> None:
        """Note that inputs or artifacts are others now: the job begins again."""
        self.position = 0
        self.step(text)

    def go(self, fault: Callable[[Campaign], None], name: str) -> None:
        """Commit a fault, and check the database after it."""
        started = time.monotonic()
        try:
            fault(self)
            self.tally.by_kind[name] += 1
            self.check()
        except FaultError as error:
            self._fail(error)
        self.tally.seconds += time.monotonic() - started

    def settle(self) -> None:
        """Let the whole job finish on the inputs as they are, and compare all that it made."""
        started = time.monotonic()
        try:
            self.step("the whole job, to its end")
            expected: list[truth.Contents | BaseException] = []
            reference = threading.Thread(target=self._reference, args=(expected,))
            reference.start()
            self.position = 0
            try:
                self._finish()
                found = truth.contents(self.place.url, self.references.folder)
            finally:
                reference.join()
            if isinstance(expected[0], BaseException):
                raise expected[0]
            told = truth.differences(found, expected[0])
            self.tally.comparisons += 1
            if told:
                self.tally.export_differences += 1
                raise FaultError("not what an unkilled job makes: " + "; ".join(told))
        except FaultError as error:
            self._fail(error)
        self.tally.seconds += time.monotonic() - started

    def check(self) -> None:
        """As `python -m db check`, where there is a database."""
        there = truth.exists(self.place.url)
        if self._existed and not there:
            raise FaultError("the database is gone")
        self._existed = there
        if there:
            try:
                truth.demand_sound(self.place.url)
            except FaultError:
                self.tally.check_failures += 1
                raise

    def strike(
        self,
        hit: Hit,
        workers: int = 1,
        ready: Callable[[Running], bool] | None = None,
        passing: bool = False,
    ) -> None:
        """Start the job where it stopped, and hit it at a random instant; a job that ends before is compared, changed
        and started again.

        Args:
            hit: what is done to the running command, and all that is expected of it.
            ready: hit only when this holds.
            passing: the inputs are as they are for a while only: one command is hit, or ends before.
        """
        for _ in range(5):
            target = self._target(1 if passing else self.random.choice([1, 1, 2, len(self.commands)]))
            while self.position < len(self.commands):
                running = self.place.start(self.commands[self.position], workers)
                if self._await_instant(running, target, ready):
                    stage = running.stage()
                    self.step(f"{running.name} hit at {stage} after {running.age:.2f} s")
                    self.tally.by_stage[stage] += 1
                    hit(running)
                    return
                running.demand(running.end(), 0, SKIPPED)
                truth.demand_plain_file(self.place.url)
                self.position += 1
                if passing:
                    self.step(f"{running.name} ended before it was hit")
                    return
            if not self.quick:
                self.settle()
            self.change(self.ground.edit_picture("train"))
        raise FaultError("the job ends before it can be hit")

    def end_or_kill(self, running: Running, ends: float = 0.4) -> None:
        """Let a command that was only disturbed end well, or kill it after a while."""
        if self.random.random() < ends:
            running.demand(running.end(), 0, SKIPPED)
            truth.demand_plain_file(self.place.url)
            self.step(f"{running.name} ended well")
            self.position += 1
            if self.position == len(self.commands):
                self.position = 0
        else:
            time.sleep(self.random.uniform(0, 3))
            if running.alive:
                running.kill()
            self.tally.sigkills += running.end() == -signal.SIGKILL
            self.step(f"{running.name} killed after {running.age:.2f} s")

    def _target(self, commands: int) -> str | None:
        """A stage of the next commands that was seldom hit so far, or None for any instant."""
        if self.random.random() < 0.3:
            return None
        left = [stage for name in self.commands[self.position :][:commands] for stage in STAGES[name]]
        least = min(self.tally.by_stage[stage] for stage in left)
        return self.random.choice([stage for stage in left if self.tally.by_stage[stage] <= least + 1])

    def _await_instant(self, running: Running, target: str | None, ready: Callable[[Running], bool] | None) -> bool:
        """Wait for the instant of the hit; False where the command ended before."""
        deadline = running.started + self.random.uniform(0, 14) if target is None else None
        while running.alive:
            if deadline is None and running.stage() == target:
                lasts = next((seconds for start, seconds in SECONDS.items() if str(target).startswith(start)), 0.3)
                deadline = time.monotonic() + self.random.uniform(0, lasts)
            if deadline is not None and time.monotonic() >= deadline and (ready is None or ready(running)):
                return True
            time.sleep(0.01)
        return False

    def _finish(self) -> None:
        for name in self.commands:
            running = self.place.start(name)
            running.demand(running.end(), 0)
            truth.demand_plain_file(self.place.url)
            self.check()
        truth.demand_finished(self.place.url)

    def _reference(self, answer: list[truth.Contents | BaseException]) -> None:
        try:
            answer.append(self.references.of(replace(self.place), self.ground))
        except BaseException as error:
            answer.append(error)

    def _fail(self, error: FaultError) -> None:
        """Tell what led there, keep what is needed to look into it, and begin with a new database."""
        number = self.tally.failed
        if not str(error).startswith(("db check", "not what")):
            self.tally.other_failures += 1
        print(f"FAILED: {error}\n  steps that led there:")
        for number, step in enumerate(self.steps, 1):
            print(f"  {number:3} {step}")
        kept = self.references.folder / f"failure-{self.tally.failed}-{time.monotonic_ns()}"
        shutil.copytree(self.place.logs.parent, kept, dirs_exist_ok=True)
        print(f"  kept in {kept}", flush=True)
        self.renew()
        shutil.rmtree(self.place.artifacts, ignore_errors=True)
        self.steps, self.position, self._existed = ["a new database"], 0, False


def least(folder: Path) -> list[Path]:
    """The checkpoints of a folder, in the order of their names."""
    return sorted((folder / "models").glob("*.safetensors"))
