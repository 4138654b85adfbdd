"""The strip of thumbnails above a sample."""

from __future__ import annotations

from app.tabs.choice import Choice, samples_to_show
from app.tabs.gallery.tiles import make_tiles
from app.templating import render


def strip_fragment(choice: Choice) -> str:
    """The samples of the class to pick from."""
    if choice.label is None:
        return ""
    return render("strip.html", tiles=make_tiles(choice, samples_to_show(choice)))
