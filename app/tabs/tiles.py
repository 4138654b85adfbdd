"""Samples as small pictures, in the strip and in the gallery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.library import Library
from app.media_addresses import heat_sheet_address, sprite_address, thumbnail_address, tile_address
from app.rendering import link, percent
from app.tabs.choice import Choice, verdict
from db.views import SampleView

MOST_TOGETHER = 256
"""Heat maps of so many samples are one picture; of more, each is drawn when it is scrolled to."""


@dataclass(frozen=True)
class Tile:
    """One sample: its place in the sprite sheet (percent of CSS background-position) and what is said of it.

    Without a sheet there is a `thumbnail`; `own` names its class where samples of several are shown together, `detail`
    is the figure that they are ordered by.
    `overlay` lies over the sprite sheet: heat maps in as many columns and rows, `column` and `row` from 0; where
    there is no such sheet it has a `heat` map of its own.
    """

    path: str
    split: str
    href: str
    verdict: str
    explained: bool
    said: str
    probability: float | None
    caption: str
    sheet: str | None
    columns: int
    rows: int
    across: float
    down: float
    column: int
    row: int
    heat: str | None
    thumbnail: str | None
    own: str | None
    overlay: str | None
    detail: str = ""


def make_tiles(choice: Choice, samples: Sequence[SampleView], *, named: bool = False) -> list[Tile]:
    """The samples in the given order.

    Args:
        named: they are of several classes, so each says its own.
    """
    return [_tile(choice, sample, named) for sample in samples]


def _tile(choice: Choice, sample: SampleView, named: bool) -> Tile:
    library = choice.library
    titles = library.titles()
    said = titles.get(sample.predicted or "", sample.predicted or "no prediction")
    sheet = library.sheet(sample.label, sample.split) if sample.position is not None else None
    columns, rows, position = (sheet.columns, sheet.rows, sample.position or 0) if sheet else (1, 1, 0)
    together = not named and sheet is not None and len(sheet.samples) <= MOST_TOGETHER
    return Tile(
        path=sample.path,
        split=sample.split,
        href=link({**choice.names, "class": sample.label}, sample=sample.path),
        verdict=verdict(sample),
        explained=sample.explained,
        said=said,
        probability=sample.probability,
        caption=_caption(sample, said),
        sheet=sprite_address(library, sample.label, sample.split) if sheet else None,
        columns=columns,
        rows=rows,
        across=_position(position % columns, columns),
        down=_position(position // columns, rows),
        column=position % columns,
        row=position // columns,
        heat=None if together else _heat(library, choice, sample),
        overlay=_overlay(library, choice, sample) if together else None,
        thumbnail=thumbnail_address(library, sample.path) if named else None,
        own=titles.get(sample.label, sample.label) if named else None,
    )


def _position(place: int, count: int) -> float:
    """CSS percentage that shows tile `place` of `count` where the background is `count` tiles wide."""
    return round(100 * place / (count - 1), 4) if count > 1 else 0.0


def _heat(library: Library, choice: Choice, sample: SampleView) -> str | None:
    if not sample.explained or choice.model is None:
        return None
    return tile_address(library, choice.model.name, sample.path)


def _overlay(library: Library, choice: Choice, sample: SampleView) -> str | None:
    if not sample.explained or choice.model is None:
        return None
    return heat_sheet_address(library, choice.model.name, sample.label, sample.split)


def _caption(sample: SampleView, said: str) -> str:
    name = sample.path.rsplit("/", 1)[-1]
    if sample.right is None:
        return f"{name}: no prediction"
    return f"{name}: {'right' if sample.right else 'wrong'}, taken for {said} ({percent(sample.probability)})"
