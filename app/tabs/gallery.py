"""The Gallery tab: every sample of a class in a grid; view and filters are the browser's choice."""

from __future__ import annotations

from dataclasses import dataclass

from app.rendering import percent, render
from app.tabs import note
from app.tabs.choice import Choice
from app.tabs.tiles import make_tiles
from db.views import SampleView


@dataclass(frozen=True)
class GalleryPage:
    """The head of the gallery; `splits` are (value, name, count)."""

    notices: tuple[str, ...]
    title: str
    summary: str
    splits: list[tuple[str, str, int]]
    split_default: str


def gallery_fragment(choice: Choice) -> str:
    """All samples of the class."""
    if choice.label is None:
        return note.nothing_yet(choice)
    samples = choice.library.samples(choice.label, choice.model.name if choice.model else None)
    splits = _splits(samples)
    page = GalleryPage(
        notices=choice.notices,
        title=choice.library.titles()[choice.label],
        summary=_summary(samples),
        splits=splits,
        split_default=splits[0][0],
    )
    return render("gallery.html", page=page, tiles=make_tiles(choice, samples))


def _splits(samples: list[SampleView]) -> list[tuple[str, str, int]]:
    named = {"test": "Test", "train": "Training"}
    counts = [(split, name, sum(sample.split == split for sample in samples)) for split, name in named.items()]
    held = [entry for entry in counts if entry[2]]
    return held if len(held) == 1 else [*held, ("all", "All", len(samples))]


def _summary(samples: list[SampleView]) -> str:
    tested = [sample for sample in samples if sample.split == "test" and sample.right is not None]
    explained = sum(sample.explained for sample in samples)
    parts = [f"{len(samples)} samples", f"{explained} explained"]
    if tested:
        right = sum(sample.right is True for sample in tested)
        parts.insert(1, f"{right} of {len(tested)} test samples recognised ({percent(right / len(tested))})")
    return " · ".join(parts)
