"""From OCR entries to the text that a tower reads, and the cut that happens once, before any masking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from precompute.models.protocol import Entries, Entry


def cut_entries(entries: Sequence[Entry], max_words: int) -> Entries:
    """The entries up to the first `max_words` words, the last one cut short if need be (P1 §4.3; before masking).

    What is left is a prefix, so positions keep their meaning.
    """
    kept: Entries = []
    left = max_words
    for entry in entries:
        if left <= 0:
            break
        words = entry.text.split()
        kept.append(entry if len(words) <= left else replace(entry, text=" ".join(words[:left])))
        left -= len(words)
    return kept


def join_entries(entries: Sequence[Entry]) -> str:
    """The entries' texts joined by a space in the order given; empty where there is nothing to read."""
    return " ".join(entry.text for entry in entries).strip()
