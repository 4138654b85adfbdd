"""What the reader returns of work units."""

from __future__ import annotations

import datetime
from dataclasses import dataclass


@dataclass(frozen=True)
class DoneUnit:
    """A finished unit: `settings_hash` = its done mark, `settings` = the hash of its stage's settings.

    `settings` is None in databases of older versions; `seconds` = the time that the work took.
    """

    key: str
    settings_hash: str
    settings: str | None
    run_id: int
    seconds: float
    finished_at: datetime.datetime


@dataclass(frozen=True)
class UnitCount:
    """How many finished units a stage has of one run and one `settings`, see `DoneUnit`."""

    stage: str
    settings: str | None
    run_id: int
    units: int
