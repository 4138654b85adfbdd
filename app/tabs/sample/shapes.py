"""OCR polygons with their colours in every mode, for the page to choose from without asking again."""

from __future__ import annotations

from dataclasses import dataclass

from app.drawing.colours import COLOUR_MAPS, UNSIGNED
from app.drawing.importance import BothImportances
from app.drawing.polygons import text_shapes
from db.records.explanations import ExplanationView
from db.records.samples import SampleDetail

COLOUR_BLIND_SAFE = next(name for name in COLOUR_MAPS if name != UNSIGNED)


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


def touch_shapes(detail: SampleDetail, found: ExplanationView, importances: BothImportances) -> list[TouchShape]:
    """The polygon of every entry, the strongest last, so that it lies on top."""
    polygons = [entry.polygon for entry in detail.entries]
    signed = text_shapes(polygons, importances.signed)
    unsigned, even = (
        {shape.position: shape for shape in text_shapes(polygons, importances.unsigned, name)}
        for name in (UNSIGNED, COLOUR_BLIND_SAFE)
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
