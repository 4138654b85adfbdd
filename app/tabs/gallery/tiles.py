"""Samples as small pictures, in the strip and in the gallery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.databases import Sheet
from app.routes.media_addresses import heat_sheet_address, sprite_address, thumbnail_address, tile_address
from app.tabs.choice import Choice, verdict
from app.templating import link, percent
from db.records.samples import SampleView, Split

MOST_TOGETHER = 256
"""Heat maps of so many samples are one picture; of more, each is drawn when it is scrolled to."""


@dataclass(frozen=True)
class Tile:
    """One sample: its position in the sprite sheet (percent of CSS background-position) and what the model answered.

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
    answer: str
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
    titles = choice.database.titles()
    sheets = {(sample.label, sample.split) for sample in samples if sample.position is not None}
    covers = {sheet: cover for sheet in sheets if (cover := _cover(choice, *sheet))}
    return [_tile(choice, sample, named, titles, covers.get((sample.label, sample.split))) for sample in samples]


@dataclass(frozen=True)
class _Cover:
    """A sprite sheet with its address and that of the heat maps over it; None of them where each is drawn alone."""

    sheet: Sheet
    address: str
    overlay: str | None


def _cover(choice: Choice, label: str, split: Split) -> _Cover | None:
    database = choice.database
    sheet = database.sheet(label, split)
    if sheet is None:
        return None
    together = choice.model is not None and len(sheet.samples) <= MOST_TOGETHER
    overlay = heat_sheet_address(database, choice.model.name, label, split) if choice.model and together else None
    return _Cover(sheet, sprite_address(database, label, split), overlay)


def _tile(choice: Choice, sample: SampleView, named: bool, titles: dict[str, str], cover: _Cover | None) -> Tile:
    answer = titles.get(sample.predicted or "", sample.predicted or "no prediction")
    if sample.position is None:
        cover = None
    columns, rows, position = (cover.sheet.columns, cover.sheet.rows, sample.position or 0) if cover else (1, 1, 0)
    overlay = cover.overlay if cover and sample.explained and not named else None
    return Tile(
        path=sample.path,
        split=sample.split,
        href=link({**choice.names, "class": sample.label}, sample=sample.path),
        verdict=verdict(sample),
        explained=sample.explained,
        answer=answer,
        probability=sample.probability,
        caption=_caption(sample, answer),
        sheet=cover.address if cover else None,
        columns=columns,
        rows=rows,
        across=_position(position % columns, columns),
        down=_position(position // columns, rows),
        column=position % columns,
        row=position // columns,
        heat=None if overlay else _heat(choice, sample),
        overlay=overlay,
        thumbnail=thumbnail_address(choice.database, sample.path) if named else None,
        own=titles.get(sample.label, sample.label) if named else None,
    )


def _position(index: int, count: int) -> float:
    """CSS percentage that shows tile `index` of `count` where the background is `count` tiles wide."""
    return round(100 * index / (count - 1), 4) if count > 1 else 0.0


def _heat(choice: Choice, sample: SampleView) -> str | None:
    if not sample.explained or choice.model is None:
        return None
    return tile_address(choice.database, choice.model.name, sample.path)


def _caption(sample: SampleView, answer: str) -> str:
    name = sample.path.rsplit("/", 1)[-1]
    if sample.right is None:
        return f"{name}: no prediction"
    return f"{name}: {'right' if sample.right else 'wrong'}, taken for {answer} ({percent(sample.probability)})"
