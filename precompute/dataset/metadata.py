"""metadata.jsonl: which line names which picture, and the label that it gives."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from db.values import storable
from precompute.dataset.faults import Fault, FaultError
from precompute.dataset.found import Source
from precompute.dataset.walk import File

METADATA_NAME = "metadata.jsonl"
_FILE_NAME = re.compile(rb'"file_name"\s*:\s*("(?:[^"\\]|\\.)*")')


@dataclass(frozen=True)
class Claim:
    """A line that names a picture; `label` is None where the line gives none."""

    label: str | None
    source: Source


@dataclass(frozen=True)
class Claims:
    """What all metadata files say.

    Args:
        rows: the claim by picture path.
        refused: pictures that a faulty line names: they are skipped, and not taken for pictures without metadata.
        unreadable: the first line, by folder of its metadata file, of which not even the picture is known.
    """

    rows: dict[str, Claim]
    refused: set[str]
    unreadable: dict[str, int]
    faults: list[Fault]


def read_row(line: bytes) -> dict[str, object]:
    """One line of a metadata file.

    Raises:
        FaultError: not UTF-8, not JSON or not an object.
    """
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise FaultError("not valid UTF-8; save the file as UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise FaultError(f"not valid JSON ({getattr(error, 'msg', 'nested too deeply')}); fix the line") from None
    if not isinstance(row, dict):
        raise FaultError('expected an object {"file_name": ..., "label": ..., "ocr": [...]}; fix the line')
    return row


def read_claims(root: Path, metadata: list[File], pictures: dict[str, File]) -> Claims:
    """Read all metadata files of a data set.

    Args:
        metadata: the files, sorted by path.
        pictures: every picture by its path in Unicode NFC.
    """
    claims = Claims({}, set(), {}, [])
    for file in metadata:
        try:
            with (root / file.path).open("rb") as stream:
                _read_file(file, _lines(stream), pictures, claims)
        except OSError as error:
            claims.faults.append(Fault(file.path, f"cannot be read ({error.strerror}); fix its permissions"))
            claims.unreadable.setdefault(_folder(file), 1)
    return claims


def _lines(stream: Iterator[bytes]) -> Iterator[tuple[int, int, bytes]]:
    """(line number from 1, byte offset, line) of the lines that are not blank."""
    offset = 0
    for number, line in enumerate(stream, start=1):
        if line.strip():
            yield number, offset, line
        offset += len(line)


def _read_file(file: File, lines: Iterator[tuple[int, int, bytes]], pictures: dict[str, File], claims: Claims) -> None:
    for number, offset, line in lines:
        picture = None
        try:
            row, broken = _row_or_name(line)
            picture = _named_picture(row.get("file_name"), _folder(file), pictures)
            if picture.path in claims.rows or picture.path in claims.refused:
                raise FaultError(f"{picture.path} is named by an earlier line, which counts; remove one of them")
            if broken:
                raise broken
            source = Source("metadata", file.path, hashlib.sha256(line).hexdigest(), number, offset, len(line))
            claims.rows[picture.path] = Claim(_read_label(row.get("label")), source)
        except FaultError as fault:
            sample = picture.path if picture and picture.path not in claims.rows else None
            claims.faults.append(Fault(file.path, str(fault), number, sample))
            if isinstance(fault, _UnknownPictureError):
                claims.unreadable.setdefault(_folder(file), number)
            elif sample is not None:
                claims.refused.add(sample)


class _UnknownPictureError(FaultError):
    """A line of which not even the picture is known."""


def _row_or_name(line: bytes) -> tuple[dict[str, object], FaultError | None]:
    """The row; of a broken line at least the picture that it names, if that can be made out, and what is broken."""
    try:
        return read_row(line), None
    except FaultError as fault:
        if name := _FILE_NAME.search(line):
            with contextlib.suppress(ValueError):
                return {"file_name": json.loads(name[1])}, fault
        raise _UnknownPictureError(str(fault)) from None


def _named_picture(name: object, folder: str, pictures: dict[str, File]) -> File:
    if not isinstance(name, str) or not name:
        raise _UnknownPictureError("`file_name` is missing; name the picture, relative to the folder of this file")
    path = PurePosixPath(storable(name))
    if path.is_absolute() or ".." in path.parts:
        raise FaultError(f"{path} leads out of the folder of this file; name a picture below it")
    full = str(PurePosixPath(folder) / path)
    picture = pictures.get(unicodedata.normalize("NFC", full))
    if picture is None and "\\" in name:  # written on Windows
        return _named_picture(name.replace("\\", "/"), folder, pictures)
    if picture is None:
        raise FaultError(f"{full} is missing, or no kind of picture known here; add the picture or remove the line")
    return picture


def _read_label(label: object) -> str | None:
    if label is None:
        return None
    if isinstance(label, bool) or not isinstance(label, str | int):
        raise FaultError("`label` is a string; fix the line")
    text = unicodedata.normalize("NFC", storable(str(label)))
    if not text.strip():
        raise FaultError("`label` is blank; name the class")
    return text.strip()


def _folder(file: File) -> str:
    return str(PurePosixPath(file.path).parent)
