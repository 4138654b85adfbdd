"""What the reader returns of runs and of their work."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RunView:
    """One set of settings; `finished_at` is None while it runs or after it was killed."""

    id: int
    dataset: str
    artifacts: str
    seed: int
    settings: dict[str, Any]
    settings_hash: str
    versions: dict[str, Any]
    started_at: datetime.datetime
    finished_at: datetime.datetime | None


@dataclass(frozen=True)
class StageProgress:
    """How many work units of a stage are done and failed, and the seconds that they took together."""

    stage: str
    done: int
    failed: int
    seconds: float
    last: datetime.datetime | None


@dataclass(frozen=True)
class FailedUnit:
    """A work unit that failed, and why."""

    stage: str
    key: str
    message: str


@dataclass(frozen=True)
class ProblemView:
    """Something that was skipped, with the file and the line to fix."""

    stage: str
    file: str
    line: int | None
    sample: str | None
    message: str
