"""The FineGrainOCR layout: `Images/<EAN>/<name>.jpg` with `Text/<EAN>/<name>.json`.

Definition: docs/definitions.md, Data set layouts.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from precompute.dataset.faults import Fault
from precompute.dataset.found import Candidate, Source
from precompute.dataset.suffixes import is_picture
from precompute.dataset.walk import File


def is_finegrainocr(files: Sequence[File]) -> bool:
    """Whether a data set has pictures in `Images/` and annotations in `Text/`."""
    return any(_is_image(file.path) for file in files) and any(_is_text(file.path) for file in files)


def find_finegrainocr(_: Path, files: Sequence[File]) -> tuple[list[Candidate], list[Fault]]:
    """Its samples, labelled by folder and without a split; a picture without a text file is still to be read."""
    texts = {_stem(file.path): file for file in files if _is_text(file.path)}
    candidates, faults = [], []
    for picture in files:
        if not _is_image(picture.path):
            continue
        folders = PurePosixPath(picture.path).parts[1:-1]
        text = texts.pop(_stem(picture.path), None)
        if not folders:
            faults.append(Fault(picture.path, "expected Images/<class>/<name>; move it there", sample=picture.path))
            continue
        source = Source("vision", text.path, text.stamp) if text else None
        candidates.append(Candidate(picture, unicodedata.normalize("NFC", folders[-1]), None, source))
    faults += [Fault(file.path, "has no picture in Images/; add or remove one") for file in texts.values()]
    return candidates, faults


def _is_image(path: str) -> bool:
    return path.startswith("Images/") and is_picture(path)


def _is_text(path: str) -> bool:
    return path.startswith("Text/") and path.lower().endswith(".json")


def _stem(path: str) -> str:
    """The path below Images/ or Text/ without suffix: the same for a picture and its annotations."""
    return unicodedata.normalize("NFC", str(PurePosixPath(*PurePosixPath(path).parts[1:]).with_suffix("")))
