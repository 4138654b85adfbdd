"""The ocr stage: reads the text of samples of which the data set says nothing."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, insert, select, update
from sqlalchemy.orm import Session

from db.tables import OcrEntry, Sample
from precompute.dataset.entries import ENGINE_PREFIX, NOT_READ, ReadEntry, entries_hash
from precompute.dataset.faults import Fault, FaultError, storable
from precompute.dataset.pictures import open_picture
from precompute.dataset.polygons import Frame
from precompute.dataset.pool import in_order
from precompute.dataset.store import entry_rows
from precompute.dataset.units import mark_unit
from precompute.ocr.engine import OcrEngine, RapidOcr

STAGE = "ocr"
_WHOLE = 1_000_000  # pixels a side: larger than any picture, so that none is shrunk


@dataclass(frozen=True)
class OcrReport:
    """Numbers of samples; a failed one is tried again by the next run and has no text until then."""

    read: int
    failed: int


@dataclass(frozen=True)
class _Task:
    id: int
    root: str
    path: str


@dataclass(frozen=True)
class _Reading:
    entries: tuple[ReadEntry, ...]
    fault: Fault | None
    seconds: float


def read_texts(
    engine: Engine,
    dataset: Path,
    run_id: int,
    workers: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
    make_engine: Callable[[], OcrEngine] = RapidOcr,
) -> OcrReport:
    """Read the text of every sample that has none and whose data set has no `ocr` key for it.

    Such a sample is stored with `entries_hash` = NOT_READ; reading it sets the hash, so one that is read is never
    read again. A unit is one sample and goes away with it. With nothing to read no engine is loaded.

    Args:
        workers: processes, each with an engine of its own.
        progress: called with the number of samples that are done and that of all that were to be read.
        make_engine: a class, or another callable that can be pickled.

    Raises:
        UserError: the engine, or its models, are not installed.
    """
    query = select(Sample.id, Sample.path).where(Sample.entries_hash == NOT_READ).order_by(Sample.path)
    with Session(engine) as session:
        tasks = [_Task(sample_id, str(dataset), path) for sample_id, path in session.execute(query)]
    writing = engine.execution_options(sqlite_begin="IMMEDIATE")  # as db.writer: waits for other writers
    failed = 0
    with closing(in_order(functools.partial(_read, make_engine), tasks, min(workers, len(tasks)))) as readings:
        for done, (task, reading) in enumerate(zip(tasks, readings, strict=True), start=1):
            with Session(writing) as session, session.begin():
                _store(session, run_id, task, reading, getattr(make_engine, "name", ""))
            failed += reading.fault is not None
            progress(done, len(tasks))
    return OcrReport(len(tasks) - failed, failed)


@functools.cache
def _engine_of_process(make_engine: Callable[[], OcrEngine]) -> OcrEngine:
    return make_engine()


def _read(make_engine: Callable[[], OcrEngine], task: _Task) -> _Reading:
    engine = _engine_of_process(make_engine)
    started = time.monotonic()
    try:
        picture, frame = open_picture(Path(task.root) / task.path, _WHOLE)
        entries = _clean(engine.read(picture), Frame(*frame.upright_size))
    except FaultError as error:
        return _Reading((), Fault(task.path, str(error), sample=task.path), 0.0)
    except Exception as error:  # an engine may raise anything; one picture must not end the run
        message = f"{engine.name} cannot read it ({error}); replace the picture or give its text in metadata.jsonl"
        return _Reading((), Fault(task.path, message, sample=task.path), 0.0)
    return _Reading(entries, None, time.monotonic() - started)


def _clean(entries: list[ReadEntry], frame: Frame) -> tuple[ReadEntry, ...]:
    """Entries as the data set stage keeps them: clipped to the picture; blank ones and those outside it left out."""
    kept = []
    for entry in entries:
        try:
            polygon = frame.place(entry.polygon)
        except FaultError:
            continue
        if entry.text.strip():
            kept.append(ReadEntry(storable(entry.text), polygon, entry.confidence))
    return tuple(kept)


def _store(session: Session, run_id: int, task: _Task, reading: _Reading, engine_name: str) -> None:
    if reading.fault is None:
        if rows := entry_rows(reading.entries, task.id):
            session.execute(insert(OcrEntry), rows)
        mark = ENGINE_PREFIX + entries_hash(reading.entries)
        session.execute(update(Sample).where(Sample.id == task.id).values(entries_hash=mark))
    mark_unit(
        session,
        run_id,
        STAGE,
        engine_name,
        task.path,
        [reading.fault] if reading.fault else [],
        status="failed" if reading.fault else "done",
        sample_id=task.id,
        seconds=reading.seconds,
    )
