"""The deletion test as a table like P1's Table 2: what removing the top groups costs, beside as much at random."""

from __future__ import annotations

import math
from dataclasses import dataclass

from app.tabs import note
from app.tabs.choice import Choice
from app.templating import MINUS, percent, thousands
from db.definitions.published_figures import PUBLISHED_DELETION, PublishedDeletion
from db.records.evaluations import DeletionView
from db.records.explanations import Modality

WORDS: dict[Modality, str] = {"image": "Picture", "text": "Words"}
PARTS: dict[Modality, str] = {"image": "picture parts", "text": "words"}

NAMES = {"feature_concatenation": "Feature Concatenation", "score_fusion": "Score Fusion", "embracenet": "EmbraceNet"}


@dataclass(frozen=True)
class DeletionRow:
    """One model and modality, numbers as written; `clear` = the interval lies above 0."""

    model: str
    modality: str
    current: bool
    samples: str
    untouched: str
    top_removed: str
    random_removed: str
    difference: str
    interval: str
    clear: bool


@dataclass(frozen=True)
class DeletionTable:
    """All that the template shows; `sentences` are about the chosen model, `command` makes what it lacks."""

    rows: list[DeletionRow]
    sentences: list[str]
    draws: int | None
    paper: list[DeletionRow]
    command: str | None


def deletion_table(choice: Choice) -> DeletionTable:
    """The stored test of all models, and the paper's."""
    views = choice.database.reader.evaluations.deletion()
    model = choice.model
    own = [view for view in views if model and view.model == model.name]
    return DeletionTable(
        rows=[_row(view, view in own) for view in views],
        sentences=[in_words(view) for view in own],
        draws=next((view.draws for view in views if view.draws), None),
        paper=[_paper_row(row) for row in PUBLISHED_DELETION],
        command=note.evaluate(choice, "deletion") if model and model.explained and not own else None,
    )


def _row(view: DeletionView, current: bool) -> DeletionRow:
    low = view.interval[0] if view.interval else -math.inf
    return DeletionRow(
        model=view.model,
        modality=WORDS[view.modality],
        current=current,
        samples=thousands(view.samples),
        untouched=percent(view.untouched, 1),
        top_removed=percent(view.top_removed, 1),
        random_removed=percent(view.random_removed, 1),
        difference=_points(view.difference),
        interval=f"{_points(view.interval[0])} to {_points(view.interval[1])}" if view.interval else "–",
        clear=low > 0,
    )


def _paper_row(row: PublishedDeletion) -> DeletionRow:
    return DeletionRow(
        model=NAMES[row.kind],
        modality=WORDS[row.modality],
        current=False,
        samples=thousands(row.samples),
        untouched=percent(row.untouched / 100, 2),
        top_removed=percent(row.top_removed / 100, 2),
        random_removed=percent(row.random_removed / 100, 2),
        difference=_points((row.random_removed - row.top_removed) / 100, 2),
        interval="–",
        clear=False,
    )


def in_words(view: DeletionView) -> str:
    """What the test says, for people who do not read intervals."""
    if view.untouched is None or view.top_removed is None or view.random_removed is None:
        return f"For the {PARTS[view.modality]} there was nothing to remove."
    sentence = (
        f"Removing the {PARTS[view.modality]} that the model says it relies on costs it "
        f"{_cost(view.untouched - view.top_removed)} of accuracy; "
        f"removing as much at random costs {_cost(view.untouched - view.random_removed)}."
    )
    if view.interval is None or view.interval[0] <= 0:
        sentence += " The difference is too small to rule out chance."
    return sentence


def _cost(share: float) -> str:
    points = round(100 * share)
    if points > 0:
        return "1 point" if points == 1 else f"{points} points"
    return "no points" if share <= 0 else "less than 1 point"


def _points(share: float | None, decimals: int = 1) -> str:
    """A difference of accuracies in percentage points, `+12.0`."""
    return "–" if share is None else f"{100 * share:+.{decimals}f}".replace("-", MINUS)
