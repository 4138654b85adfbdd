"""How far an explanation can be trusted: one word for everybody, and the numbers behind it.

Definition: docs/definitions.md, Trust.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.templating import percent
from db.definitions.stability import stability
from db.records.evaluations import FaithfulnessView
from db.records.explanations import ExplanationView

Level = Literal["good", "fair", "weak"]
LEVELS: tuple[Level, ...] = ("weak", "fair", "good")
MEANINGS: dict[Level, str] = {
    "good": "What is marked is what the model used.",
    "fair": "The main marks can be relied on, faint ones less so.",
    "weak": "Do not rely on these marks alone.",
}
LOOSE_FIT, BAD_FIT = 0.5, 0.25
STEADY, SHAKY = 0.8, 0.65
NEAR, FAR = 0.3, 0.6
"""So far from the model's own probability may the sum of the marks be for "good", and for "fair"."""

# What to say of each check where it makes an explanation weak, fair or good; None = nothing.
Cautions = tuple[str, str | None, None]
FIT: Cautions = ("the explanation fits the model badly here", "the explanation fits the model only loosely here", None)
SUM: Cautions = (*2 * ("what the marks add up to is far from the model’s own answer",), None)
ORDER: Cautions = ("which marks are the strongest is uncertain here", None, None)
CURVES: Cautions = ("taking away what is marked changes the answer no more than chance does", None, None)


@dataclass(frozen=True)
class Reason:
    """One number behind the word, and what it says."""

    name: str
    value: str
    meaning: str


@dataclass(frozen=True)
class Trust:
    """The word, what to make of it, and the numbers; `measured` = deletion and insertion were tried.

    `caution` = what to tell a reader beforehand, None where there is nothing.
    """

    level: Level
    meaning: str
    caution: str | None
    reasons: list[Reason]
    measured: bool


def judge(found: ExplanationView, measured: FaithfulnessView | None) -> Trust:
    """The worst of fit, estimate, stability and, where they were measured, the deletion and insertion curves.

    An estimate off the model's own answer is fair at best: the order of the marks may be right, their sum is not; one
    that misses it by most of the scale is weak.
    A curve speaks for the explanation if it is better than that of a random order; both do: good, one: fair.
    """
    fit = found.r2
    steady = stability(found.image_weights, found.text_weights, found.image_errors, found.text_errors)
    off = abs(found.surrogate_prediction - found.probability)
    near = int(off <= FAR) + int(off <= NEAR)
    checks: list[tuple[int, Cautions]] = [(_grade(fit, BAD_FIT, LOOSE_FIT), FIT), (near, SUM)]
    reasons = [
        Reason("Fit (R²)", f"{fit:.2f}", "how closely the marks follow the model here; 1 is exactly"),
        Reason(
            "Estimate",
            percent(found.surrogate_prediction),
            f"what the marks add up to; the model itself says {percent(found.probability)}",
        ),
    ]
    if steady is not None:
        checks.append((_grade(steady, SHAKY, STEADY), ORDER))
        reasons.append(
            Reason(
                "Stability",
                f"{steady:.2f}",
                "how surely the strongest marks are the strongest; 1 is certain, 0.5 a guess",
            )
        )
    curves = _curves(measured) if measured else []
    if curves:
        checks.append((sum(better for better, _ in curves), CURVES))
        reasons += [reason for _, reason in curves]
    worst = min(grade for grade, _ in checks)
    level = LEVELS[worst]
    return Trust(level, MEANINGS[level], _caution(worst, checks), reasons, bool(curves))


def _caution(worst: int, checks: Sequence[tuple[int, Cautions]]) -> str | None:
    warning = next((texts[worst] for grade, texts in checks if grade == worst and texts[worst]), None)
    return warning and f"Read it with {'some ' if worst else ''}care: {warning}."


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
