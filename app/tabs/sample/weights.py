"""The weights of one sample's words and superpixels as tables, and as numbers for the page's what-if switch."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.databases import Database
from app.drawing.importance import Array
from db.records.explanations import ExplanationView
from db.records.samples import EntryView

SHOWN_SUPERPIXELS = 12


@dataclass(frozen=True)
class Weight:
    """One feature's weight for one explained class; `share` of the largest magnitude of all that stand beside it.

    `low` and `high` = the ends of the whisker, one standard error to either side, in percent of an axis whose middle
    is 0; None without errors.
    """

    kind: str
    value: float
    share: float
    error: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class EntryRow:
    """One line of the table of words."""

    position: int
    text: str
    confidence: float | None
    weights: list[Weight]


@dataclass(frozen=True)
class SuperpixelRow:
    """One line of the table of superpixels, which the page calls picture parts."""

    segment: int
    weights: list[Weight]


def entry_rows(entries: Sequence[EntryView], explanations: Sequence[ExplanationView]) -> list[EntryRow]:
    """All words as they were read."""
    largest = _largest(explanations)
    return [
        EntryRow(
            entry.position,
            entry.text,
            entry.confidence,
            [_weight(one, one.text_weights, one.text_errors, entry.position, largest) for one in explanations],
        )
        for entry in entries
    ]


def superpixel_rows(explanations: Sequence[ExplanationView]) -> list[SuperpixelRow]:
    """The superpixels with the largest weights for the answer, which is explained first."""
    if not explanations:
        return []
    largest = _largest(explanations)
    strongest = np.argsort(-np.abs(explanations[0].image_weights), kind="stable")[:SHOWN_SUPERPIXELS].tolist()
    return [
        SuperpixelRow(
            segment, [_weight(one, one.image_weights, one.image_errors, segment, largest) for one in explanations]
        )
        for segment in strongest
    ]


def surrogate_numbers(found: ExplanationView) -> str:
    """JSON of what the surrogate estimates from: the intercept and every weight, to 6 digits."""
    numbers = {
        "intercept": float(f"{found.intercept:.6g}"),
        "image": [float(f"{weight:.6g}") for weight in found.image_weights.tolist()],
        "text": [float(f"{weight:.6g}") for weight in found.text_weights.tolist()],
    }
    return json.dumps(numbers, separators=(",", ":"))


def probe_command(database: Database, model: str, path: str) -> str:
    """The command that asks the model itself; the page adds what is left out."""
    names = (("--db", database.shown), ("--model", model), ("--sample", path))
    return " ".join(["python -m precompute probe", *(f"{option} {shlex.quote(name)}" for option, name in names)])


def _largest(explanations: Sequence[ExplanationView]) -> float:
    parts = (part for one in explanations for part in (one.image_weights, one.text_weights))
    return max((float(np.abs(part).max()) for part in parts if part.size), default=0.0)


def _weight(found: ExplanationView, weights: Array, errors: Array | None, feature: int, largest: float) -> Weight:
    value = float(weights[feature])
    error = None if errors is None else float(errors[feature])
    share = abs(value) / largest if largest else 0.0
    if error is None or not largest:
        return Weight(found.kind, value, share, error, None, None)
    low, high = (min(max(50 + 50 * (value + sign * error) / largest, 0.0), 100.0) for sign in (-1, 1))
    return Weight(found.kind, value, share, error, low, high)
