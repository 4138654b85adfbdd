"""Pictures of parts: a superpixel or an OCR entry, cut out of its photograph."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from PIL import Image

from app.drawing.crops import crop_sheet, entry_crop, segment_crop
from app.library import Library
from app.tabs.groups import CELLS, SHOWN_CROPS, SHOWN_GROUPS, ordered_members
from db.group_views import MemberView
from db.views import Modality

Cropper = Callable[[int], Image.Image | None]


def part_crop(library: Library, modality: Modality, path: str, feature: int, size: int) -> Image.Image | None:
    """One part of a sample, `size` pixels at most; None where it, the picture or the superpixels are missing."""
    return _cropper(library, modality, path, size)(feature)


def parts_sheet(library: Library, model: str, label: str, modality: Modality) -> bytes | None:
    """The first parts of a class's first groups in one JPEG, a row a group; None where it has no groups.

    The cell of a part whose photograph is missing stays grey.
    """
    groups = [ordered_members(group)[:SHOWN_CROPS] for group in library.groups(model, label, modality)[:SHOWN_GROUPS]]
    if not groups:
        return None
    cell = CELLS[modality]
    return crop_sheet(_crops(library, modality, groups, max(cell)), len(groups), SHOWN_CROPS, cell)


def _crops(
    library: Library, modality: Modality, rows: Sequence[Sequence[MemberView]], size: int
) -> Iterator[tuple[int, int, Image.Image]]:
    """(row, column, crop) of each member; a photograph is read once for all its parts."""
    places = [(member, row, column) for row, members in enumerate(rows) for column, member in enumerate(members)]
    places.sort(key=lambda place: place[0].sample)
    for path, found in groupby(places, key=lambda place: place[0].sample):
        crop = _cropper(library, modality, path, size)
        for member, row, column in found:
            if (picture := crop(member.feature)) is not None:
                yield row, column, picture


def _cropper(library: Library, modality: Modality, path: str, size: int) -> Cropper:
    """Cuts parts of one sample out by their number."""
    display = library.reader.picture(path, "display")
    labels = library.reader.label_map(path) if modality == "image" else None
    ground = library.ground(path) if modality == "text" else None
    if display is None or (labels is None and ground is None):
        return lambda feature: None
    photograph = Image.open(io.BytesIO(display.content))

    def crop(feature: int) -> Image.Image | None:
        if labels is not None:
            return segment_crop(photograph, labels.content, feature, size)
        if ground is None or feature >= len(ground.polygons):
            return None
        return entry_crop(photograph, ground.polygons[feature], ground.size, size)

    return crop
