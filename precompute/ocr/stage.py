"""The ocr stage: reads the text of samples of which the data set says nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from db.errors import UserError
from db.read.reader import Reader
from db.records.written import EntryRecord, TextRecord
from db.values import storable
from db.write.samples import ENGINE_PREFIX, NOT_READ
from precompute.context import RunContext
from precompute.dataset.decoding import decode_ingested
from precompute.dataset.entries import entries_hash
from precompute.dataset.faults import FaultError
from precompute.dataset.polygons import Frame
from precompute.engine import Report, Stage, Task, run_stage
from precompute.ocr.engine import OcrEngine, RapidOcr

OCR = "ocr"


@dataclass(frozen=True)
class Unread:
    """A picture without text: its file, its name, and what was ingested."""

    file: Path
    path: str
    picture_hash: str


@dataclass(frozen=True)
class EngineSetup:
    """One OCR engine a worker."""

    make_engine: Callable[[], OcrEngine]

    @contextmanager
    def start(self) -> Iterator[OcrEngine]:
        yield self.make_engine()


def read_texts(context: RunContext, make_engine: Callable[[], OcrEngine] = RapidOcr) -> Report:
    """Read the text of every sample whose data set has no `ocr` key for it, once; see `run_stage`.

    A unit is one sample and is deleted with it. With nothing to read no engine is loaded.

    Args:
        make_engine: a class, or another callable that can be pickled.

    Raises:
        UserError: the engine, or its models, are not installed.
    """
    return run_stage(context, ocr_stage(make_engine))


def ocr_stage(make_engine: Callable[[], OcrEngine] = RapidOcr) -> Stage:
    """The stage for one OCR engine."""
    name = getattr(make_engine, "name", "")
    return Stage(
        name=OCR,
        settings=[name],
        inputs=(),
        tasks=lambda context: _tasks(context, name),
        work=_read,
        rows=_rows,
        setup=lambda context, tasks: EngineSetup(make_engine),
        counted="sample",
    )


def _tasks(context: RunContext, engine_name: str) -> Iterator[Task]:
    """The picture is not in the mark: a sample whose picture changes is another row, and this one's mark goes."""
    for sample in Reader(context.engine).samples.versions():
        if sample.entries_hash == NOT_READ or sample.entries_hash.startswith(ENGINE_PREFIX):
            unread = Unread(context.dataset / sample.path, sample.path, sample.picture_hash)
            yield Task(key=sample.path, mark=engine_name, payload=unread, sample=sample.path)


def _read(engine: OcrEngine, unread: Unread) -> tuple[EntryRecord, ...]:
    picture = decode_ingested(unread.file, unread.path, unread.picture_hash)
    try:
        return _clean(engine.read(picture), Frame(*picture.size))
    except Exception as error:  # an engine may raise anything; one picture must not end the run
        raise UserError(
            f"{engine.name} cannot read it ({error}); replace the picture or give its text in metadata.jsonl"
        ) from error


def _clean(entries: list[EntryRecord], frame: Frame) -> tuple[EntryRecord, ...]:
    """Entries as the data set stage keeps them: clipped to the picture; blank ones and those outside it left out."""
    kept = []
    for entry in entries:
        try:
            polygon = frame.to_upright(entry.polygon)
        except FaultError:
            continue
        if entry.text.strip():
            kept.append(EntryRecord(storable(entry.text), polygon, entry.confidence))
    return tuple(kept)


def _rows(task: Task, answers: Sequence[tuple[EntryRecord, ...]]) -> list[TextRecord]:
    (entries,) = answers
    return [TextRecord(task.key, entries, ENGINE_PREFIX + entries_hash(entries))]
