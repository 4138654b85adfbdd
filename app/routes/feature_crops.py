"""Crops of features: a superpixel or an OCR entry, cut out of its photograph."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from PIL import Image

from app.databases import Database
from app.drawing.crops import crop_sheet, entry_crop, segment_crop
from app.tabs.global_explanations.group_lists import CELLS, SHOWN_CROPS, SHOWN_GROUPS, ordered_members
from db.records.explanations import Modality
from db.records.groups import MemberView
from db.records.pictures import PartSource


def feature_crop(database: Database, modality: Modality, path: str, feature: int, size: int) -> Image.Image | None:
    """One feature of a sample, `size` pixels at most; None where it, the picture or the superpixels are missing."""
    source = database.reader.pictures.part_sources([path], modality).get(path)
    return None if source is None else _crop(source, _photograph(source), feature, size)


def group_crops(database: Database, model: str, label: str, modality: Modality) -> bytes | None:
    """The first members of a class's first groups in one JPEG, a row a group; None where it has no groups.

    The cell of a member whose photograph is missing stays grey.
    """
    groups = [ordered_members(group)[:SHOWN_CROPS] for group in database.groups(model, label, modality)[:SHOWN_GROUPS]]
    if not groups:
        return None
    sources = database.reader.pictures.part_sources({member.sample for group in groups for member in group}, modality)
    cell = CELLS[modality]
    return crop_sheet(_crops(sources, groups, max(cell)), len(groups), SHOWN_CROPS, cell)


def _crops(
    sources: Mapping[str, PartSource], rows: Sequence[Sequence[MemberView]], size: int
) -> Iterator[tuple[int, int, Image.Image]]:
    """(row, column, crop) of each member; a photograph is decoded once for all its features."""
    cells = [(member, row, column) for row, members in enumerate(rows) for column, member in enumerate(members)]
    cells.sort(key=lambda found: found[0].sample)
    for path, found in groupby(cells, key=lambda found: found[0].sample):
        if (source := sources.get(path)) is None:
            continue
        photograph = _photograph(source)
        for member, row, column in found:
            if (picture := _crop(source, photograph, member.feature, size)) is not None:
                yield row, column, picture


def _photograph(source: PartSource) -> Image.Image:
    return Image.open(io.BytesIO(source.content))


def _crop(source: PartSource, photograph: Image.Image, feature: int, size: int) -> Image.Image | None:
    if feature >= source.parts:
        return None
    if source.label_map:
        return segment_crop(photograph, source.label_map, feature, size)
    return entry_crop(photograph, source.polygons[feature], (source.width, source.height), size)
