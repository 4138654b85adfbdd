"""Scanning a data set folder: which samples there are, in which class and split."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath

from db.errors import UserError
from db.values import storable
from precompute.dataset.faults import Fault
from precompute.dataset.finegrainocr import find_finegrainocr, is_finegrainocr
from precompute.dataset.found import MASK_FOLDER, Candidate, ClassRow, Found, Scan, is_mask, mask_path
from precompute.dataset.imagefolder import find_imagefolder
from precompute.dataset.subsets import stratified_split
from precompute.dataset.suffixes import is_picture, is_unread_picture
from precompute.dataset.walk import File, walk

LAYOUT = (
    "expected <split>/<class>/<picture> with split train or test and optionally <split>/metadata.jsonl,"
    " or <class>/<picture>, or FineGrainOCR's Images/<class>/<picture> and Text/<class>/<name>.json"
)
CLASSES_FILE = "classes.csv"
UNREAD_METADATA = ("metadata.csv", "metadata.parquet")

Recognise = Callable[[Sequence[File]], bool]
Find = Callable[[Path, Sequence[File]], tuple[list[Candidate], list[Fault]]]

LAYOUTS: list[tuple[Recognise, Find]] = [(is_finegrainocr, find_finegrainocr), (lambda _: True, find_imagefolder)]
"""The readers of layouts: who recognises one by its files, and who finds its samples. The first that does is asked."""


def scan_dataset(root: Path, test_share: float, seed: int) -> Scan:
    """Find all samples of a data set; no picture is opened.

    Args:
        root: the data set folder, in one of LAYOUTS.
        test_share: 0..1; serves data sets without a split, as does `seed`.

    Raises:
        UserError: no such folder, no picture in it, or a classes.csv without labels.
    """
    if not root.is_dir():
        raise UserError(f"data set {root}: no such folder; {LAYOUT}")
    walked = list(walk(root))
    files = [item for item in walked if isinstance(item, File)]
    faults = [item for item in walked if isinstance(item, Fault)]
    if not any(is_picture(file.path) and not is_mask(file.path) for file in files):
        refused = f" ({faults[0].file}: {faults[0].message})" if faults else ""
        raise UserError(f"data set {root}: no pictures in it{refused}; {LAYOUT}")
    find = next(find for recognise, find in LAYOUTS if recognise(files))
    candidates, more = find(root, files)
    classes, yet_more = _read_classes(root) if any(file.path == CLASSES_FILE for file in files) else ({}, [])
    known = [candidate for candidate in candidates if not classes or candidate.label in classes]
    unknown = [candidate for candidate in candidates if classes and candidate.label not in classes]
    faults += [*more, *yet_more, *map(_unknown_class, unknown), *_unread(files), *_masks_of_nothing(files)]
    return Scan(tuple(_as_found(known, files, test_share, seed)), tuple(faults), classes)


def _as_found(candidates: list[Candidate], files: Iterable[File], test_share: float, seed: int) -> Iterable[Found]:
    masks = {file.path: file for file in files if is_mask(file.path)}
    unsplit = [(item.label, item.picture.path) for item in candidates if item.split is None]
    splits = stratified_split(unsplit, test_share, seed)
    for item in sorted(candidates, key=lambda item: item.picture.path):
        path = item.picture.path
        yield Found(item.picture, item.label, item.split or splits[path], item.source, masks.get(mask_path(path)))


def _unread(files: Iterable[File]) -> Iterable[Fault]:
    """Files that hold samples or labels in a form that is not read: without a word they would be missing."""
    for file in files:
        name = PurePosixPath(file.path)
        if is_unread_picture(file.path) and not is_mask(file.path):
            message = f"pictures of the kind {name.suffix} are not read; convert it to JPEG or PNG"
            yield Fault(file.path, message, sample=file.path)
        elif name.name.casefold() in UNREAD_METADATA:
            yield Fault(file.path, "is not read; write its lines as JSON objects into metadata.jsonl beside it")


def _masks_of_nothing(files: Sequence[File]) -> Iterable[Fault]:
    """Pictures in the folder of masks that belong to no picture of the data set, one fault a folder."""
    wanted = {mask_path(file.path) for file in files if is_picture(file.path) and not is_mask(file.path)}
    left = [file.path for file in files if is_mask(file.path) and is_picture(file.path) and file.path not in wanted]
    for folder, count in sorted(Counter(str(PurePosixPath(path).parent) for path in left).items()):
        yield Fault(
            folder,
            f"{count} pictures are left out: {MASK_FOLDER}/ is for ground-truth masks, {MASK_FOLDER}/<path of a picture"
            " in PNG>, and they are of no picture; rename the folder if it is a class",
        )


def _unknown_class(candidate: Candidate) -> Fault:
    message = f"the class {candidate.label!r} is not in {CLASSES_FILE}; add it there or fix the label"
    source, path = candidate.source, candidate.picture.path
    return Fault(source.file if source else path, message, source.line if source else None, path)


def _read_classes(root: Path) -> tuple[dict[str, ClassRow], list[Fault]]:
    """classes.csv: columns label, and optionally display_name and family."""
    try:
        text = (root / CLASSES_FILE).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{root / CLASSES_FILE}: cannot be read ({error}); save it as UTF-8") from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if reader.fieldnames is None or "label" not in reader.fieldnames:
        raise UserError(f"{root / CLASSES_FILE}: line 1: expected the header label,display_name,family")
    classes: dict[str, ClassRow] = {}
    faults = []
    try:
        for row in reader:
            label = _cell(row, "label")
            if label is None or label in classes:
                wrong = "no label" if label is None else f"the class {label!r} stands here twice"
                faults.append(Fault(CLASSES_FILE, f"{wrong}; fix or remove the line", reader.line_num))
            else:
                classes[label] = ClassRow(label, _cell(row, "display_name"), _cell(row, "family"))
    except csv.Error as error:
        raise UserError(f"{root / CLASSES_FILE}: line {reader.line_num}: {error}; fix the line") from error
    return classes, faults


def _cell(row: dict[str, str], column: str) -> str | None:
    """The trimmed cell in Unicode NFC, None where it is blank."""
    return unicodedata.normalize("NFC", storable(row.get(column) or "")).strip() or None
