"""Storing one unit of the data set stage: all samples of one split and class, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from db.tables import Base, Category, Evidence, Mask, OcrEntry, Picture, Sample
from precompute.dataset.entries import ENGINE_PREFIX, NOT_READ, ReadEntry, entries_hash
from precompute.dataset.faults import Fault
from precompute.dataset.pictures import EncodedPicture, SpriteSheet
from precompute.dataset.preparation import PreparedSample
from precompute.dataset.units import STAGE, UnitName, chunks, delete_sprite, delete_unit, mark_unit

_SAMPLES_AT_ONCE = 64


@dataclass(frozen=True)
class _Stored:
    id: int
    picture_hash: str
    entries_hash: str


class UnitStore:
    """Brings the rows of one unit up to date; the caller owns the transaction.

    A sample whose picture and entries are unchanged keeps its row, and with it all that was computed from it;
    any other is deleted, with all that hung on it, and inserted anew.
    """

    def __init__(self, session: Session, run_id: int, name: UnitName) -> None:
        self.added = self.changed = self.removed = 0
        self._session, self._run_id, self._name = session, run_id, name
        self._category_id = self._find_category()
        self._waiting: list[PreparedSample] = []
        rows = session.execute(
            select(Sample.path, Sample.id, Sample.picture_hash, Sample.entries_hash).where(
                Sample.category_id == self._category_id, Sample.split == name.split
            )
        )
        self._left = {path: _Stored(row_id, picture, entries) for path, row_id, picture, entries in rows}

    def _find_category(self) -> int:
        found = self._session.scalar(select(Category.id).where(Category.label == self._name.label))
        if found is None:
            values = {"run_id": self._run_id, "label": self._name.label}
            found = self._session.execute(insert(Category).values(values).returning(Category.id)).scalar_one()
        return found

    def take_over(self, paths: Sequence[str]) -> None:
        """Remove samples of these paths from other units (their label or split was changed); those are then undone."""
        for chunk in chunks(list(paths)):
            rows = self._session.execute(
                select(Sample.id, Sample.split, Category.label, Sample.path)
                .join(Category)
                .where(Sample.path.in_(chunk))
            )
            for sample_id, split, label, path in rows.all():
                if path not in self._left:
                    self._session.execute(delete(Sample).where(Sample.id == sample_id))
                    delete_unit(self._session, STAGE, UnitName(split, label).key)

    def put(self, sample: PreparedSample) -> None:
        """Store one sample, together with those put before and after it."""
        self._waiting.append(sample)
        if len(self._waiting) >= _SAMPLES_AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        ids = {}
        for sample in self._waiting:
            stored = self._left.pop(sample.path, None)
            if stored is not None and _is_same(stored, sample):
                ids[sample.path] = stored.id
            elif stored is not None:
                self._session.execute(delete(Sample).where(Sample.id == stored.id))
            self.changed += stored is not None and sample.path not in ids
            self.added += stored is None
        kept = list(ids.values())
        self._session.execute(delete(Evidence).where(Evidence.sample_id.in_(kept)))
        self._session.execute(delete(Mask).where(Mask.sample_id.in_(kept)))
        ids |= self._insert([sample for sample in self._waiting if sample.path not in ids])
        self._insert_rows(Evidence, [row for s in self._waiting for row in _evidence_rows(s, ids[s.path])])
        self._insert_rows(Mask, [_mask_row(s.mask, ids[s.path]) for s in self._waiting if s.mask])
        self._put_pictures(ids)
        self._waiting = []

    def _insert(self, samples: Sequence[PreparedSample]) -> dict[str, int]:
        """Insert samples with their entries; returns their ids by path."""
        if not samples:
            return {}
        unit = {"run_id": self._run_id, "split": self._name.split, "category_id": self._category_id}
        rows = [
            {
                "path": sample.path,
                "picture_hash": sample.picture_hash,
                "entries_hash": entries_hash(sample.annotations.entries),
                "width": sample.width,
                "height": sample.height,
                **unit,
            }
            for sample in samples
        ]
        ids = dict(self._session.execute(insert(Sample).returning(Sample.path, Sample.id), rows).tuples().all())
        self._insert_rows(
            OcrEntry, [row for s in samples for row in entry_rows(s.annotations.entries or (), ids[s.path])]
        )
        return ids

    def _put_pictures(self, ids: dict[str, int]) -> None:
        """Store derived pictures; those that are there already, byte for byte, are left alone."""
        query = select(Picture.sample_id, Picture.kind, Picture.id, Picture.digest)
        rows = self._session.execute(query.where(Picture.sample_id.in_(ids.values())))
        stored = {(sample_id, kind): (row_id, digest) for sample_id, kind, row_id, digest in rows}
        fresh = []
        for sample in self._waiting:
            for kind, picture in (("display", sample.display), ("thumbnail", sample.thumbnail)):
                row_id, digest = stored.get((ids[sample.path], kind), (None, None))
                if row_id is None:
                    fresh.append({"kind": kind, "sample_id": ids[sample.path], **_picture_columns(picture)})
                elif digest != picture.digest:
                    change = update(Picture).where(Picture.id == row_id)
                    self._session.execute(change.values(_picture_columns(picture)))
        self._insert_rows(Picture, fresh)

    def _put_sprite(self, picture: EncodedPicture, layout: dict[str, object]) -> None:
        owner = [Picture.category_id == self._category_id, Picture.split == self._name.split]
        stored = self._session.execute(select(Picture.digest, Picture.layout).where(*owner)).first()
        if stored is None or (stored.digest, stored.layout) != (picture.digest, layout):
            delete_sprite(self._session, self._name)
            owned = {"kind": "sprite", "category_id": self._category_id, "split": self._name.split, "layout": layout}
            self._insert_rows(Picture, [owned | _picture_columns(picture)])

    def _insert_rows(self, table: type[Base], rows: Sequence[dict[str, object]]) -> None:
        if rows:
            self._session.execute(insert(table), rows)

    def finish(self, digest: str, sheet: SpriteSheet, faults: Sequence[Fault], seconds: float) -> None:
        """Remove what is no more, store the sprite sheet and the problems, and set the 'done' mark."""
        self._flush()
        for chunk in chunks([stored.id for stored in self._left.values()]):
            self._session.execute(delete(Sample).where(Sample.id.in_(chunk)))
        self.removed += len(self._left)
        if sheet.samples:
            self._put_sprite(*sheet.encode())
        else:
            delete_sprite(self._session, self._name)
        mark_unit(self._session, self._run_id, STAGE, digest, self._name.key, faults, seconds=seconds)


def _is_same(stored: _Stored, sample: PreparedSample) -> bool:
    now = entries_hash(sample.annotations.entries)
    read_by_engine = now == NOT_READ and stored.entries_hash.startswith(ENGINE_PREFIX)
    return stored.picture_hash == sample.picture_hash and (stored.entries_hash == now or read_by_engine)


def entry_rows(entries: Sequence[ReadEntry], sample_id: int) -> list[dict[str, object]]:
    """Columns of a sample's entries, position by position."""
    return [
        {
            "sample_id": sample_id,
            "position": position,
            "text": entry.text,
            "polygon": entry.polygon,
            "confidence": entry.confidence,
        }
        for position, entry in enumerate(entries)
    ]


def _evidence_rows(sample: PreparedSample, sample_id: int) -> list[dict[str, object]]:
    return [
        {"sample_id": sample_id, "kind": item.kind, "entry_position": item.entry_position, "polygon": item.polygon}
        for item in sample.annotations.evidence
    ]


def _mask_row(mask: EncodedPicture, sample_id: int) -> dict[str, object]:
    return {"sample_id": sample_id, "width": mask.width, "height": mask.height, "content": mask.content}


def _picture_columns(picture: EncodedPicture) -> dict[str, object]:
    return {
        "media_type": picture.media_type,
        "width": picture.width,
        "height": picture.height,
        "digest": picture.digest,
        "content": picture.content,
    }
