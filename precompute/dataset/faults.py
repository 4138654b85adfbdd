"""Faults in a data set: what is wrong, where, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from db.errors import UserError


@dataclass(frozen=True)
class Fault:
    """Something that is skipped; stored as a `problem` row.

    `file` is relative to the data set, `line` counts from 1, `sample` is the path of the sample that is left out,
    `message` says what is wrong; what to do.
    """

    file: str
    message: str
    line: int | None = None
    sample: str | None = None


class FaultError(Exception):
    """Raised where only the message is known; the caller adds file, line and sample and makes a Fault of it."""


class InputChangedError(UserError):
    """A file is not what was ingested: nothing is computed from it until the data set is ingested again."""
