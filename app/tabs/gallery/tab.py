"""The Gallery tab: the samples of a class, or of all, in a grid; the address says which and in what order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from app.measures.trust import Trust, judge
from app.tabs import note
from app.tabs.choice import Choice
from app.tabs.gallery.selection import Rows, class_outcomes, ordered, selected, trust_rank
from app.tabs.gallery.tiles import Tile, make_tiles
from app.templating import percent, render, thousands
from app.view_state import Range, ViewState
from db.records.predictions import Outcomes
from db.records.samples import SampleView

MAX_SAMPLES = 300
"""So many samples are shown at once; the filters narrow down what is more."""


@dataclass(frozen=True)
class Chip:
    """A filter that the address holds and that a click takes away; `key` is its name there."""

    text: str
    key: str


@dataclass(frozen=True)
class GalleryPage:
    """The head of the gallery; `splits` are (value, name, count), `rivals` (label, title, count)."""

    notices: tuple[str, ...]
    title: str
    summary: str
    splits: list[tuple[str, str, int]]
    split: str
    rivals: list[tuple[str, str, int]]
    rival: str | None
    shown: str
    chips: list[Chip]
    found: int
    left_out: int
    nothing: str


def gallery_fragment(choice: Choice, state: ViewState, tagged: Sequence[str] = ()) -> str:
    """The samples that the address asks for.

    Args:
        tagged: paths of the samples that the visitor has tagged, where only those are asked for.
    """
    if choice.label is None:
        return note.nothing_yet(choice)
    database, model = choice.database, choice.model.name if choice.model else None
    samples = database.samples(choice.label, model) if state.within == "class" else None
    if samples is not None:
        outcomes = class_outcomes(samples, database.class_shares(model, choice.label) if model else [])
    else:
        outcomes = database.outcomes(model or "")
    splits = _splits(outcomes)
    split = state.split if state.split in [value for value, _, _ in splits] else splits[0][0]
    keys = database.reader.samples.ids(tagged) if state.shown == "tagged" and tagged else set()
    rows = selected(outcomes, state, split, keys)
    if state.word is not None:
        rows = rows[np.isin(outcomes.sample[rows], list(database.reader.search.samples(state.word)))]
    trust = _trust(choice, samples) if samples is not None and state.sort in ("doubtful", "trusted") else {}
    ranks = {row: trust_rank(word, r2) for row, (word, r2) in trust.items()}
    rows = ordered(outcomes, rows, state.sort, ranks)
    shown = rows[:MAX_SAMPLES].tolist()
    views = [samples[row] for row in shown] if samples is not None else _views(choice, outcomes, shown)
    page = GalleryPage(
        notices=choice.notices,
        title=database.titles()[choice.label] if samples is not None else "All classes",
        summary=_summary(outcomes, rows),
        splits=splits,
        split=split,
        rivals=_rivals(choice, outcomes, split),
        rival=state.rival,
        shown=state.shown,
        chips=_chips(choice, state),
        found=len(rows),
        left_out=max(len(rows) - MAX_SAMPLES, 0),
        nothing=_nothing(outcomes, state),
    )
    return render(
        "gallery.html", page=page, tiles=_tiles(choice, state, views, outcomes, shown, trust), most=MAX_SAMPLES
    )


def _tiles(
    choice: Choice,
    state: ViewState,
    views: list[SampleView],
    outcomes: Outcomes,
    rows: list[int],
    trust: dict[int, tuple[Trust, float]],
) -> list[Tile]:
    """Each says under its picture what the samples are ordered by."""
    tiles = make_tiles(choice, views, named=state.within == "all")
    if state.sort in ("picture", "words"):
        details = [f"picture {percent(float(outcomes.image_share[row]))}" for row in rows]
    elif trust:
        details = [f"holds: {trust[row][0].level}" if row in trust else "" for row in rows]
    else:
        return tiles
    return [replace(tile, detail=detail) for tile, detail in zip(tiles, details, strict=True)]


def _views(choice: Choice, outcomes: Outcomes, rows: list[int]) -> list[SampleView]:
    ids = [int(outcomes.sample[row]) for row in rows]
    return choice.database.reader.samples.by_id(ids, choice.model.name if choice.model else None)


def _trust(choice: Choice, samples: list[SampleView]) -> dict[int, tuple[Trust, float]]:
    """By row, of the explained ones."""
    assert choice.label is not None
    if choice.model is None:
        return {}
    found = choice.database.class_explanations(choice.model.name, choice.label)
    measured = choice.database.reader.evaluations.faithfulness_of_class(choice.model.name, choice.label)
    return {
        row: (judge(found[view.path], measured.get(view.path)), found[view.path].r2)
        for row, view in enumerate(samples)
        if view.path in found
    }


def _splits(outcomes: Outcomes) -> list[tuple[str, str, int]]:
    tests = int(outcomes.is_test.sum())
    counts = [("test", "Test", tests), ("train", "Training", len(outcomes.is_test) - tests)]
    held = [entry for entry in counts if entry[2]]
    return held if len(held) == 1 else [*held, ("all", "All", len(outcomes.is_test))]


def _summary(outcomes: Outcomes, rows: Rows) -> str:
    tested = outcomes.is_test & (outcomes.predicted >= 0)
    parts = [f"{thousands(len(outcomes.sample))} samples", f"{thousands(int(outcomes.explained.sum()))} explained"]
    if tested.any():
        right = int((outcomes.is_correct & tested).sum())
        total = int(tested.sum())
        parts.insert(1, f"{thousands(right)} of {thousands(total)} test samples recognised ({percent(right / total)})")
    shown = f"the first {MAX_SAMPLES} of {thousands(len(rows))}" if len(rows) > MAX_SAMPLES else thousands(len(rows))
    return " · ".join([*parts, f"{shown} shown here"])


def _rivals(choice: Choice, outcomes: Outcomes, split: str) -> list[tuple[str, str, int]]:
    """The classes that samples are wrongly taken for, the most frequent first."""
    wrong = (outcomes.predicted >= 0) & ~outcomes.is_correct
    if split != "all":
        wrong &= outcomes.is_test == (split == "test")
    indices, counts = np.unique(outcomes.predicted[wrong], return_counts=True)
    titles = choice.database.titles()
    named = [(outcomes.labels[index], int(count)) for index, count in zip(indices, counts, strict=True)]
    return [(label, titles.get(label, label), count) for label, count in sorted(named, key=lambda one: (-one[1], one))]


def _chips(choice: Choice, state: ViewState) -> list[Chip]:
    chips = []
    if state.image_share is not None:
        chips.append(Chip(f"Image share {_limits(state.image_share)}", "share"))
    if state.probability is not None:
        chips.append(Chip(f"Certainty {_limits(state.probability)}", "sure"))
    if state.word is not None:
        chips.append(Chip(f"With the word “{state.word}”", "word"))
    if state.shown == "confused" and state.rival is not None:
        chips.append(Chip(f"Taken for {choice.database.titles().get(state.rival, state.rival)}", "rival"))
    return chips


def _limits(limits: Range) -> str:
    return f"{percent(limits[0])} to {percent(limits[1])}"


def _nothing(outcomes: Outcomes, state: ViewState) -> str:
    """What to say where no sample is left."""
    if not len(outcomes.sample):
        return "This model has not been asked about any sample yet."
    if state.shown == "tagged":
        return "You have not tagged any of these samples yet. Open a sample and give it a tag."
    return "No sample fits these filters. Take one away to see more."
