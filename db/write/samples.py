"""Storing samples: all of one class and split at a time; what is unchanged keeps its row and all that depends on it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import delete, exists, insert, or_, select, update
from sqlalchemy.orm import Session

from db.records.written import ClassSamplesRecord, EntryRecord, PictureRecord, SampleRecord, TextRecord
from db.schema.base import Base
from db.schema.tables import (
    Category,
    EmbeddingForecast,
    Evaluation,
    Evidence,
    Explanation,
    GlobalGroup,
    Mask,
    OcrEntry,
    Picture,
    Prediction,
    Problem,
    Run,
    Sample,
    WorkUnit,
)
from db.write.dependents import Scope, remove_dependents

INGEST = "ingest"
NOT_READ = ""
"""`sample.entries_hash` of a sample whose data set gives no text, and that no OCR engine has read yet."""
ENGINE_PREFIX = "ocr:"
"""Begins `sample.entries_hash` where the entries were read by an OCR engine, not given by the data set."""

_CHUNK = 500  # keys in one statement; engines bound the number of parameters
_SAMPLES_AT_ONCE = 64
_Key = TypeVar("_Key")


class SampleStore:
    """Brings the samples of one class and split up to date; the caller owns the transaction.

    Args:
        dependents: stages whose results are deleted with a sample's.
    """

    def __init__(self, session: Session, run_id: int, record: ClassSamplesRecord, dependents: Collection[str]) -> None:
        self._session, self._run_id, self._record, self._dependents = session, run_id, record, dependents
        self._category_id = self._find_category()
        query = select(Sample.path, Sample.id, Sample.picture_hash, Sample.entries_hash)
        rows = session.execute(query.where(Sample.category_id == self._category_id, Sample.split == record.split))
        self._left = {row.path: row for row in rows}

    def store(self) -> None:
        self._take_over([sample.path for sample in self._record.samples])
        for start in range(0, len(self._record.samples), _SAMPLES_AT_ONCE):
            self._put(self._record.samples[start : start + _SAMPLES_AT_ONCE])
        remove_samples(self._session, [row.id for row in self._left.values()], self._dependents)
        self._put_sprite()

    def _find_category(self) -> int:
        found = self._session.scalar(select(Category.id).where(Category.label == self._record.label))
        if found is None:
            values = {"run_id": self._run_id, "label": self._record.label}
            found = self._session.execute(insert(Category).values(values).returning(Category.id)).scalar_one()
        return found

    def _take_over(self, paths: Sequence[str]) -> None:
        """Remove samples of these paths from other classes or splits; the units of those are then undone."""
        for chunk in _chunks(paths):
            rows = self._session.execute(
                select(Sample.id, Sample.split, Category.label, Sample.path)
                .join(Category)
                .where(Sample.path.in_(chunk))
            )
            moved = [row for row in rows if row.path not in self._left]
            remove_samples(self._session, [row.id for row in moved], self._dependents)
            for split, label in {(row.split, row.label) for row in moved}:
                unit = delete(WorkUnit).where(WorkUnit.stage == INGEST, WorkUnit.key == f"{split}/{label}")
                self._session.execute(unit)

    def _put(self, samples: Sequence[SampleRecord]) -> None:
        ids, replaced = {}, []
        for sample in samples:
            stored = self._left.pop(sample.path, None)
            if stored is not None and is_same(stored.picture_hash, stored.entries_hash, sample):
                ids[sample.path] = stored.id
            elif stored is not None:
                replaced.append(stored.id)
        remove_samples(self._session, replaced, self._dependents)
        kept = list(ids.values())
        self._session.execute(delete(Evidence).where(Evidence.sample_id.in_(kept)))
        self._session.execute(delete(Mask).where(Mask.sample_id.in_(kept)))
        ids |= self._insert([sample for sample in samples if sample.path not in ids])
        evidence = [{"sample_id": ids[s.path], **vars(item)} for s in samples for item in s.evidence]
        self._insert_rows(Evidence, evidence)
        masks = [(ids[sample.path], sample.mask) for sample in samples if sample.mask]
        self._insert_rows(
            Mask, [{"sample_id": i, "width": m.width, "height": m.height, "content": m.content} for i, m in masks]
        )
        self._put_pictures(samples, ids)

    def _insert(self, samples: Sequence[SampleRecord]) -> dict[str, int]:
        """Insert samples with their entries; returns their ids by path."""
        if not samples:
            return {}
        unit = {"run_id": self._run_id, "split": self._record.split, "category_id": self._category_id}
        names = ("path", "picture_hash", "entries_hash", "width", "height")
        rows = [{name: getattr(sample, name) for name in names} | unit for sample in samples]
        ids = dict(self._session.execute(insert(Sample).returning(Sample.path, Sample.id), rows).tuples().all())
        self._insert_rows(OcrEntry, [row for s in samples for row in _entry_rows(s.entries, ids[s.path])])
        return ids

    def _put_pictures(self, samples: Sequence[SampleRecord], ids: Mapping[str, int]) -> None:
        """Store derived pictures; those that are there already, byte for byte, are left alone."""
        query = select(Picture.sample_id, Picture.kind, Picture.id, Picture.digest)
        rows = self._session.execute(query.where(Picture.sample_id.in_(ids.values())))
        stored = {(sample_id, kind): (row_id, digest) for sample_id, kind, row_id, digest in rows}
        fresh = []
        for sample in samples:
            for kind, picture in (("display", sample.display), ("thumbnail", sample.thumbnail)):
                row_id, digest = stored.get((ids[sample.path], kind), (None, None))
                if row_id is None:
                    fresh.append({"kind": kind, "sample_id": ids[sample.path], **_picture_columns(picture)})
                elif digest != picture.digest:
                    self._session.execute(update(Picture).where(Picture.id == row_id).values(_picture_columns(picture)))
        self._insert_rows(Picture, fresh)

    def _put_sprite(self) -> None:
        picture, layout = self._record.sprite, dict(self._record.layout)
        owner = [Picture.category_id == self._category_id, Picture.split == self._record.split]
        stored = self._session.execute(select(Picture.digest, Picture.layout).where(*owner)).first()
        if picture is not None and stored is not None and (stored.digest, stored.layout) == (picture.digest, layout):
            return
        self._session.execute(delete(Picture).where(*owner))
        if picture is not None:
            owned = {"kind": "sprite", "category_id": self._category_id, "split": self._record.split, "layout": layout}
            self._insert_rows(Picture, [owned | _picture_columns(picture)])

    def _insert_rows(self, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            self._session.execute(insert(table), rows)


def is_same(picture_hash: str, entries: str, sample: SampleRecord) -> bool:
    """Whether a stored sample is what the data set holds; text that an engine read counts as text not given."""
    read_by_engine = sample.entries_hash == NOT_READ and entries.startswith(ENGINE_PREFIX)
    return picture_hash == sample.picture_hash and (entries == sample.entries_hash or read_by_engine)


def store_text(session: Session, record: TextRecord) -> None:
    """Give a sample its entries, in place of those that it had."""
    sample_id = session.execute(select(Sample.id).where(Sample.path == record.sample)).scalar_one()
    session.execute(delete(OcrEntry).where(OcrEntry.sample_id == sample_id))
    if record.entries:
        session.execute(insert(OcrEntry), _entry_rows(record.entries, sample_id))
    session.execute(update(Sample).where(Sample.id == sample_id).values(entries_hash=record.entries_hash))


def remove_samples(session: Session, ids: Sequence[int], dependents: Collection[str]) -> None:
    """Remove samples with all that depends on them, and results of later stages that were made from them and others."""
    for chunk in _chunks(ids):
        categories = session.scalars(select(Sample.category_id).where(Sample.id.in_(chunk))).all()
        predicting = select(Prediction.unit_id).where(Prediction.sample_id.in_(chunk)).distinct()
        of_these = or_(WorkUnit.sample_id.in_(chunk), WorkUnit.id.in_(predicting))
        runs = session.scalars(select(WorkUnit.run_id).where(of_these).distinct()).all()
        remove_dependents(session, dependents, Scope(None, frozenset(chunk), frozenset(categories)))
        # A class is predicted as a whole: without these samples its mark would stand for rows that are gone.
        session.execute(delete(WorkUnit).where(WorkUnit.id.in_(session.scalars(predicting).all())))
        session.execute(delete(Sample).where(Sample.id.in_(chunk)))
        session.execute(update(Run).where(Run.id.in_(runs)).values(finished_at=None))


def remove_other_classes(session: Session, names: Collection[tuple[str, str]], dependents: Collection[str]) -> int:
    """Remove samples, and sprite sheets, of all but these (split, label), and classes without samples."""
    query = select(Sample.id, Sample.split, Category.label, Category.id).join(Category)
    gone = [row for row in session.execute(query) if (row.split, row.label) not in names]
    remove_samples(session, [row[0] for row in gone], dependents)
    for split, category_id in {(row.split, row[3]) for row in gone}:
        session.execute(delete(Picture).where(Picture.category_id == category_id, Picture.split == split))
    empty = session.scalars(select(Category.id).where(~exists().where(Sample.category_id == Category.id))).all()
    for chunk in _chunks(empty):
        for table in (Prediction, Explanation, EmbeddingForecast, GlobalGroup, Evaluation):  # that name the class
            naming = session.scalars(select(table.unit_id).where(table.category_id.in_(chunk)).distinct()).all()
            for units in _chunks(naming):
                session.execute(delete(WorkUnit).where(WorkUnit.id.in_(units)))
        session.execute(delete(Category).where(Category.id.in_(chunk)))
    return len(gone)


def _entry_rows(entries: Sequence[EntryRecord], sample_id: int) -> list[dict[str, Any]]:
    return [{"sample_id": sample_id, "position": position, **vars(entry)} for position, entry in enumerate(entries)]


def _picture_columns(picture: PictureRecord) -> dict[str, Any]:
    return vars(picture) | {"digest": picture.digest}


def _chunks(keys: Sequence[_Key]) -> Iterator[Sequence[_Key]]:
    """The keys in groups that fit into one statement."""
    return (keys[start : start + _CHUNK] for start in range(0, len(keys), _CHUNK))


def carry_problems(session: Session, run_id: int, stage: str, lines: Mapping[str, tuple[str, int | None]]) -> None:
    """Hand a stage's standing problems on to this run.

    Args:
        lines: by sample the file that its annotations stand in now, and the line.
    """
    for problem in session.scalars(select(Problem).where(Problem.stage == stage)):
        problem.run_id = run_id
        file, line = lines.get(problem.sample or "", (None, None))
        if file == problem.file:
            problem.line = line


def name_classes(session: Session, names: Mapping[str, tuple[str | None, str | None]]) -> None:
    """Give the stored classes their display name and family by label, none where none is given."""
    for category in session.scalars(select(Category)):
        found = names.get(category.label, (None, None))
        if (category.display_name, category.family) != found:
            category.display_name, category.family = found
