"""Annotations of one sample: OCR entries and planted evidence, read from untrusted JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from db.records.written import EntryRecord, EvidenceRecord
from db.values import storable
from db.write.samples import NOT_READ
from precompute.dataset.faults import FaultError
from precompute.dataset.polygons import Frame, Point, is_coordinate, read_polygon


@dataclass(frozen=True)
class Annotations:
    """`entries` is None where the data set says nothing of the text: it is still to be read."""

    entries: tuple[EntryRecord, ...] | None = None
    evidence: tuple[EvidenceRecord, ...] = ()


def entries_hash(entries: Sequence[EntryRecord] | None) -> str:
    """16 hexadecimal digits that change with any entry; `NOT_READ` for None."""
    if entries is None:
        return NOT_READ
    plain = [[entry.text, entry.polygon, entry.confidence] for entry in entries]
    return hashlib.sha256(json.dumps(plain).encode()).hexdigest()[:16]


def read_metadata_row(row: dict[str, object], frame: Frame) -> Annotations:
    """Annotations of one line of metadata.jsonl: `ocr` and `evidence`; entries of blank text are left out.

    Raises:
        FaultError: naming the entry (counted from 0) and what was expected.
    """
    listed = row.get("ocr")
    if listed is None:
        return Annotations(None, _read_evidence(row.get("evidence"), [], [], frame))
    if not isinstance(listed, list):
        raise FaultError("`ocr` is a list of {text, polygon, confidence}; fix the line")
    entries: list[EntryRecord] = []
    positions: list[int | None] = []  # where an entry of the file stands among those kept
    for number, value in enumerate(listed):
        try:
            entry = _read_entry(value, frame)
        except FaultError as fault:
            raise FaultError(f"OCR entry {number}: {fault}; fix or remove it") from None
        positions.append(len(entries) if entry else None)
        entries.extend([entry] if entry else [])
    return Annotations(tuple(entries), _read_evidence(row.get("evidence"), entries, positions, frame))


def _read_entry(value: object, frame: Frame) -> EntryRecord | None:
    if not isinstance(value, dict):
        raise FaultError("an entry is an object {text, polygon, confidence}")
    text, confidence = value.get("text"), value.get("confidence")
    if not isinstance(text, str):
        raise FaultError("`text` is a string")
    if confidence is not None and not (is_coordinate(confidence) and 0 <= confidence <= 1):
        raise FaultError("`confidence` is a number from 0 to 1, or null")
    polygon = frame.to_upright(read_polygon(value.get("polygon")))
    if not text.strip():
        return None
    return EntryRecord(storable(text), polygon, None if confidence is None else float(confidence))


def _read_evidence(
    value: object, entries: Sequence[EntryRecord], positions: Sequence[int | None], frame: Frame
) -> tuple[EvidenceRecord, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise FaultError("`evidence` is a list of {kind, entry, polygon}; fix the line")
    found = []
    for number, item in enumerate(value):
        try:
            found.append(_read_one_evidence(item, entries, positions, frame))
        except FaultError as fault:
            raise FaultError(f"evidence {number}: {fault}; fix or remove it") from None
    return tuple(found)


def _read_one_evidence(
    item: object, entries: Sequence[EntryRecord], positions: Sequence[int | None], frame: Frame
) -> EvidenceRecord:
    kind = item.get("kind") if isinstance(item, dict) else None
    if not isinstance(item, dict) or kind not in ("entry", "region"):
        raise FaultError('evidence is {"kind": "entry", "entry": position} or {"kind": "region", "polygon": [...]}')
    given = item.get("polygon")
    if kind == "region":
        return EvidenceRecord("region", None, frame.to_upright(read_polygon(given)))
    number = item.get("entry")
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < len(positions):
        raise FaultError(f"there is no entry {number!r} among the sample's {len(positions)} entries, counted from 0")
    position = positions[number]
    if position is None:
        raise FaultError(f"entry {number} is blank")
    polygon = entries[position].polygon if given is None else frame.to_upright(read_polygon(given))
    return EvidenceRecord("entry", position, polygon)


def read_vision_document(document: object, frame: Frame) -> Annotations:
    """Annotations of a Google Vision answer; the whole text is skipped (docs/definitions.md, Data set layouts).

    Raises:
        FaultError: naming the annotation (counted from 0) and what was expected.
    """
    entries = []
    for number, annotation in enumerate(_annotation_list(document)):
        try:
            entry = _read_vision_entry(annotation, frame) if number else None
        except FaultError as fault:
            raise FaultError(f"annotation {number}: {fault}; fix or remove it") from None
        entries.extend([entry] if entry else [])
    return Annotations(tuple(entries))


def _annotation_list(document: object) -> list[object]:
    if isinstance(document, dict):
        document = document.get("textAnnotations", document.get("text_annotations", None if document else []))
    if not isinstance(document, list):
        raise FaultError('expected a list of annotations, or {"textAnnotations": [...]}; replace the file')
    return document


def _read_vision_entry(annotation: object, frame: Frame) -> EntryRecord | None:
    if not isinstance(annotation, dict):
        raise FaultError("an annotation is an object {description, boundingPoly}")
    text = annotation.get("description")
    if text is None:
        return None
    if not isinstance(text, str):
        raise FaultError("`description` is a string")
    if not text.strip():
        return None
    bounds = annotation.get("bounding_poly", annotation.get("boundingPoly"))
    vertices = bounds.get("vertices") if isinstance(bounds, dict) else None
    if not isinstance(vertices, list) or len(vertices) < 3:
        raise FaultError("`boundingPoly.vertices` is a list of at least three {x, y}")
    return EntryRecord(storable(text), frame.to_upright([_read_vertex(vertex) for vertex in vertices]), None)


def _read_vertex(vertex: object) -> Point:
    if not isinstance(vertex, dict):
        raise FaultError("a vertex is an object {x, y}")
    x, y = vertex.get("x", 0), vertex.get("y", 0)  # the API leaves zeros out
    if not (is_coordinate(x) and is_coordinate(y)):
        raise FaultError("coordinates of a vertex are finite numbers of pixels")
    return float(x), float(y)
