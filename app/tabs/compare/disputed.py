"""The features of a sample whose weights differ most between models: numbered, outlined, with all weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.databases import Database
from app.drawing.outlines import segment_outlines
from app.measures.agreement import disagreement
from app.routes.media_addresses import crop_address
from app.tabs.compare.explained import Explained
from db.records.samples import SampleDetail

SHOWN_FEATURES = 6


@dataclass(frozen=True)
class WeightOf:
    """What one model gives a feature; `share` of the largest magnitude shown."""

    value: float
    share: float


@dataclass(frozen=True)
class Disputed:
    """A feature that the models disagree on; `key` as in the address's `focus`, `x` and `y` of its number, 0..100."""

    number: int
    key: str
    name: str
    crop: str
    outline: str
    points: str
    x: float
    y: float
    weights: list[WeightOf]


def disputed_features(database: Database, detail: SampleDetail, found: list[Explained]) -> list[Disputed]:
    """The features that the models disagree on most, of those that any of them gives a weight."""
    regions = database.regions(detail.path)
    if regions is None or len(found) < 2:
        return []
    weights = np.stack([one.weights for one in found])
    superpixels = len(found[0].found.image_weights)
    spread = disagreement(weights)
    chosen = [int(index) for index in np.argsort(-spread, kind="stable")[:SHOWN_FEATURES] if spread[index] > 0]
    segments = [index for index in chosen if index < superpixels]
    outlines = dict(zip(segments, segment_outlines(regions.label_map, segments), strict=True))
    largest = float(np.abs(weights[:, chosen]).max(initial=0)) or 1.0
    features = []
    for number, index in enumerate(chosen, 1):
        modality, feature = ("image", index) if index < superpixels else ("text", index - superpixels)
        polygon = detail.entries[feature].polygon if modality == "text" else ()
        outline = outlines.get(index, "")
        x, y = _middle_of_polygon(polygon, detail) if polygon else _middle_of_outline(outline, detail)
        features.append(
            Disputed(
                number=number,
                key=f"{modality}-{feature}",
                name=detail.entries[feature].text if modality == "text" else f"Picture part {feature}",
                crop=crop_address(database, modality, detail.path, feature),
                outline=outline,
                points=" ".join(f"{px:.1f},{py:.1f}" for px, py in polygon),
                x=x,
                y=y,
                weights=[WeightOf(float(value), abs(float(value)) / largest) for value in weights[:, index]],
            )
        )
    return features


def _middle_of_polygon(polygon: tuple[tuple[float, float], ...], detail: SampleDetail) -> tuple[float, float]:
    across, down = np.mean([x for x, _ in polygon]), np.mean([y for _, y in polygon])
    return float(100 * across / detail.width), float(100 * down / detail.height)


def _middle_of_outline(outline: str, detail: SampleDetail) -> tuple[float, float]:
    """The mean of the outline's corners, in percent of the picture."""
    corners = [piece[:-2].split(" ") for piece in outline.split("M")[1:]]
    if not corners:
        return 50.0, 50.0
    across, down = np.mean([[int(x), int(y)] for x, y in corners], axis=0)
    width, height = detail.segmentation_width or 1, detail.segmentation_height or 1
    return float(100 * across / width), float(100 * down / height)
