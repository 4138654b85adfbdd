"""Planted evidence of samples: which entry, and which superpixels, tell a sample's class from its twin."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from skimage.draw import polygon2mask

from db.errors import UserError
from db.read.reader import Reader
from db.records.samples import Split
from db.values import Point
from precompute.local_explanations.superpixels import LabelMap, decode_label_map

Region = npt.NDArray[np.bool_]
Shares = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PlantedSample:
    """A sample with its evidence.

    Attributes:
        kind: how the twins differ: word, picture, weight or both.
        family: the twins' common name.
        entries: positions of the planted entries.
        inside: share of each superpixel that lies in the planted region; None without a region or superpixels.
        region: the region's share of the picture.
    """

    kind: str
    family: str
    label: str
    entries: frozenset[int]
    inside: Shares | None
    region: float | None


def planted_samples(reader: Reader, split: Split = "test") -> dict[int, PlantedSample]:
    """The samples of one split of classes that have a family, by id.

    Raises:
        UserError: the database holds no planted evidence.
    """
    if not reader.samples.has_evidence():
        raise UserError("planted evidence: none in this database; `python -m precompute demo` makes one that has it")
    samples = {}
    for one in reader.samples.planted(split):
        polygons = [row.polygon for row in one.evidence if row.kind == "region"]
        inside = region = None
        if polygons and one.label_map is not None:
            label_map = decode_label_map(one.label_map)
            mask = region_mask(polygons, (one.width, one.height), label_map.shape)
            inside, region = inside_shares(label_map, mask), float(mask.mean())
        entries = frozenset(row.entry_position for row in one.evidence if row.entry_position is not None)
        # A family is named 'word: Tornäng Milk': how its twins differ, then which they are.
        kind = one.family.partition(":")[0]
        samples[one.id] = PlantedSample(kind, one.family, one.label, entries, inside, region)
    return samples


def region_mask(polygons: Iterable[Sequence[Point]], size: tuple[int, int], shape: tuple[int, int]) -> Region:
    """Polygons of the original picture as one mask of the label map's shape.

    Args:
        polygons: points in pixels of the upright original.
        size: the original's width and height.
        shape: the mask's height and width.

    Returns:
        bool [shape], True where the pixel's centre is inside a polygon.
    """
    scale = np.array([shape[1] / size[0], shape[0] / size[1]])
    region = np.zeros(shape, dtype=bool)
    for polygon in polygons:
        # OCR counts in pixel edges, polygon2mask in pixel centres, rows first.
        corners = np.asarray(polygon, dtype=np.float64) * scale - 0.5
        region |= polygon2mask(shape, corners[:, ::-1])
    return region


def inside_shares(label_map: LabelMap, region: Region) -> Shares:
    """Share of each superpixel that lies in the region: float64 [segments] in 0..1."""
    sizes = np.bincount(label_map.ravel())
    return np.bincount(label_map[region], minlength=len(sizes)) / np.maximum(sizes, 1)
