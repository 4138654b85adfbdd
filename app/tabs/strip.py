"""The strip of thumbnails above a sample."""

from __future__ import annotations

from app.rendering import render
from app.tabs.choice import Choice
from app.tabs.tiles import make_tiles


def strip_fragment(choice: Choice) -> str:
    """The samples of the class to pick from: those with explanations if there are any, else all."""
    if choice.label is None:
        return ""
    samples = choice.library.samples(choice.label, choice.model.name if choice.model else None)
    shown = [sample for sample in samples if sample.explained] or samples
    return render("strip.html", tiles=make_tiles(choice, shown))
