"""The Hugging Face ImageFolder layout: `<split>/<class>/<picture>` with optional metadata.jsonl.

Definition: docs/definitions.md, Data set layouts.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from precompute.dataset.faults import Fault, FaultError
from precompute.dataset.found import Candidate, is_mask
from precompute.dataset.metadata import METADATA_NAME, Claim, Claims, read_claims
from precompute.dataset.suffixes import is_picture
from precompute.dataset.walk import File

SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation", "val", "valid", "validation", "dev"), "test"),
}


def find_imagefolder(root: Path, files: Sequence[File]) -> tuple[list[Candidate], list[Fault]]:
    """Its samples. The label is metadata's, else the name of the folder that the picture lies in.

    A folder without any of the known splits at its top is taken as `<class>/<picture>`, to be split by us.
    A picture that no metadata names is a sample too (Hugging Face drops it), with its text still to be read.
    """
    pictures = [file for file in files if is_picture(file.path) and not is_mask(file.path)]
    metadata = [file for file in files if PurePosixPath(file.path).name == METADATA_NAME and not is_mask(file.path)]
    claims = read_claims(root, metadata, {unicodedata.normalize("NFC", file.path): file for file in pictures})
    has_splits = any(_split_of(file.path) for file in pictures)
    candidates, faults = [], claims.faults
    for picture in pictures:
        if picture.path in claims.refused:
            continue
        claim = claims.rows.get(picture.path)
        try:
            split = _require_split(picture.path) if has_splits else None
            label = (claim.label if claim else None) or _folder_label(picture.path, has_splits)
            if claim is None:
                _require_no_unreadable_line(picture.path, claims)
        except FaultError as fault:
            faults.append(_fault_of(picture, claim, str(fault)))
            continue
        candidates.append(Candidate(picture, label, split, claim.source if claim else None))
    return candidates, faults


def _split_of(path: str) -> str | None:
    folders = PurePosixPath(path).parts[:-1]
    return SPLIT_NAMES.get(folders[0].casefold()) if folders else None


def _require_split(path: str) -> str:
    split = _split_of(path)
    if split is None:
        raise FaultError("lies in no split; move it below train/ or test/")
    return split


def _folder_label(path: str, has_splits: bool) -> str:
    folders = PurePosixPath(path).parts[has_splits:-1]
    if not folders:
        raise FaultError("has no class: neither metadata nor a folder names one; move it into a folder named so")
    return unicodedata.normalize("NFC", folders[-1])


def _require_no_unreadable_line(path: str, claims: Claims) -> None:
    """An unreadable line may have named this picture: taking it without its entries would be a guess."""
    for folder in PurePosixPath(path).parents:
        if (line := claims.unreadable.get(str(folder))) is not None:
            file = folder / METADATA_NAME
            raise FaultError(f"no line names it, and line {line} of {file} cannot be read; fix that line")


def _fault_of(picture: File, claim: Claim | None, message: str) -> Fault:
    if claim is None:
        return Fault(picture.path, message, sample=picture.path)
    return Fault(claim.source.file, message, claim.source.line, picture.path)
