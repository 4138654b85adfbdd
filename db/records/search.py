"""What the reader returns of a search for words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from db.records.samples import Split


@dataclass(frozen=True)
class SearchHit:
    """An OCR entry that holds all the words asked for; `entry` = its key."""

    entry: int
    sample: str
    split: Split
    label: str
    position: int
    text: str


class FoundText(NamedTuple):
    """How often a text was read in one class: entries, and the keys of the first one and of the first explained one."""

    text: str
    label: str
    entries: int
    entry: int
    explained: int | None


@dataclass(frozen=True)
class EntryWeight:
    """What an entry weighs in a model's explanation of its predicted class (`target`) on that sample."""

    entry: int
    model: str
    target: str
    weight: float
