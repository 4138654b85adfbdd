"""How far an explanation can be trusted: one word for everybody, and the numbers behind it (REFERENCE.md §8)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from app.rendering import percent
from app.wording import BAD_FIT, LOOSE_FIT
from db.evaluation_views import FaithfulnessView
from db.stability import stability
from db.views import ExplanationView

Level = Literal["good", "fair", "weak"]
LEVELS: tuple[Level, ...] = ("weak", "fair", "good")
MEANINGS: dict[Level, str] = {
    "good": "What is marked is what the model used.",
    "fair": "The main marks can be relied on, faint ones less so.",
    "weak": "Do not rely on these marks alone.",
}
STEADY = 0.8
SHAKY = 0.65
NEAR = 0.3
"""So far from the model's own probability may the sum of the marks be for "good"."""


@dataclass(frozen=True)
class Reason:
    """One number behind the word, and what it says."""

    name: str
    value: str
    meaning: str


@dataclass(frozen=True)
class Trust:
    """The word, what to make of it, and the numbers; `measured` = deletion and insertion were tried."""

    level: Level
    meaning: str
    reasons: list[Reason]
    measured: bool


def judge(found: ExplanationView, measured: FaithfulnessView | None) -> Trust:
    """The worst of fit, estimate, stability and, where they were measured, the deletion and insertion curves.

    An estimate far from the model's own answer is fair at best: the order of the marks may be right, their sum is not.
    A curve speaks for the explanation if it is better than that of a random order; both do: good, one: fair.
    """
    fit = found.r2
    steady = stability(found.image_weights, found.text_weights, found.image_errors, found.text_errors)
    near = abs(found.surrogate_prediction - found.probability) <= NEAR
    grades = [_grade(fit, BAD_FIT, LOOSE_FIT), 2 if near else 1]
    reasons = [
        Reason("Fit (R²)", f"{fit:.2f}", "how closely the marks follow the model here; 1 is exactly"),
        Reason(
            "Estimate",
            percent(found.surrogate_prediction),
            f"what the marks add up to; the model itself says {percent(found.probability)}",
        ),
    ]
    if steady is not None:
        grades.append(_grade(steady, SHAKY, STEADY))
        reasons.append(
            Reason(
                "Stability",
                f"{steady:.2f}",
                "how surely the strongest marks are the strongest; 1 is certain, 0.5 a guess",
            )
        )
    curves = _curves(measured) if measured else []
    if curves:
        grades.append(sum(better for better, _ in curves))
        reasons += [reason for _, reason in curves]
    level = LEVELS[min(grades)]
    return Trust(level, MEANINGS[level], reasons, bool(curves))


def _grade(value: float, least: float, enough: float) -> int:
    return 0 if math.isnan(value) else int(value >= least) + int(value >= enough)


def _curves(measured: FaithfulnessView) -> list[tuple[bool, Reason]]:
    """Whether each curve beats chance, and what it says; none where one of the areas is not known."""
    removed, at_random = measured.deletion_auc, measured.random_deletion_auc
    added, added_at_random = measured.insertion_auc, measured.random_insertion_auc
    if removed is None or at_random is None or added is None or added_at_random is None:
        return []
    return [
        (
            removed < at_random,
            Reason(
                "Taken away, strongest first:",
                percent(removed),
                f"certain on average; {percent(at_random)} in random order. Less is better",
            ),
        ),
        (
            added > added_at_random,
            Reason(
                "Put back, strongest first:",
                percent(added),
                f"certain on average; {percent(added_at_random)} in random order. More is better",
            ),
        ),
    ]
