"""OCR polygons with their colours in every mode, for the page to choose from without asking again."""

from __future__ import annotations

from dataclasses import dataclass

from app.drawing.colours import COLOUR_MAPS, UNSIGNED
from app.drawing.polygons import text_shapes
from app.routes.media import importances_of
from db.records.explanations import ExplanationView
from db.records.samples import SampleDetail

EVEN = next(name for name in COLOUR_MAPS if name != UNSIGNED)


@dataclass(frozen=True)
class Greatest:
    """The strongest mark of one view, without and with evidence against: below the threshold nothing is drawn."""

    importance: float
    signed: float


@dataclass(frozen=True)
class TouchShape:
    """A polygon with its colours in all modes and its tool tip."""

    position: int
    points: str
    colour: str
    even_colour: str
    importance: float
    signed_colour: str
    signed: float
    tip: str


def touch_shapes(
    detail: SampleDetail, found: ExplanationView, largest: float | None = None, largest_signed: float | None = None
) -> list[TouchShape]:
    """The strongest last, so that it lies on top; the largest weights are those of `importances_of`."""
    polygons = [entry.polygon for entry in detail.entries]
    signed = text_shapes(polygons, importances_of(found, True, largest_signed))
    importances = importances_of(found, False, largest)
    unsigned, even = (
        {shape.position: shape for shape in text_shapes(polygons, importances, name)} for name in (UNSIGNED, EVEN)
    )
    return [
        TouchShape(
            position=shape.position,
            points=shape.points,
            colour=unsigned[shape.position].colour,
            even_colour=even[shape.position].colour,
            importance=unsigned[shape.position].importance,
            signed_colour=shape.colour,
            signed=shape.importance,
            tip=f"{detail.entries[shape.position].text}: {found.text_weights[shape.position]:+.3f}",
        )
        for shape in signed
    ]
