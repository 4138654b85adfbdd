"""The data set stage: from a folder to samples, entries, masks, evidence and the pictures that the browser shows."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from db.read.reader import Reader
from db.records.samples import SampleVersion
from db.records.written import ClassSamplesRecord, ProblemRecord, Record, SampleRecord
from db.session import Engine
from precompute.context import RunContext
from precompute.dataset.changes import report_changes
from precompute.dataset.entries import entries_hash
from precompute.dataset.faults import Fault
from precompute.dataset.found import Found, Scan
from precompute.dataset.pictures import SpriteSheet, sheet_layout
from precompute.dataset.preparation import Preparation, PreparedSample, prepare
from precompute.dataset.scan import scan_dataset
from precompute.engine import Stage, Task, run_stage
from precompute.executors import Job
from precompute.progress import say
from precompute.recipe import DatasetSettings
from precompute.replacement import require_same_splits

INGEST = "ingest"
SCAN_KEY = "scan"  # the unit that owns the problems of no sample; other keys hold a slash
VERSION = 1  # raised when the same files would be stored in another way
_SAMPLES_A_JOB = 8  # fewer are done before a worker process has started


@dataclass(frozen=True)
class IngestReport:
    """Numbers of samples, by what happened to them; `skipped` counts the problems that stand, also earlier ones."""

    added: int
    changed: int
    removed: int
    unchanged: int
    skipped: int


@dataclass(frozen=True)
class ClassFolder:
    """The samples of one class in one split, which are one unit of work."""

    split: str
    label: str
    samples: Sequence[Found]

    @property
    def key(self) -> str:
        return f"{self.split}/{self.label}"


def ingest(context: RunContext) -> IngestReport:
    """Bring the stored samples up to date with the data set folder.

    A unit is the samples of one class in one split; one whose files are as they were is not looked at again. A sample
    whose picture and text are unchanged keeps its row and all that was computed from it. Whatever is wrong with a
    sample becomes a `problem` row, the sample is left out, the rest goes on.

    Raises:
        UserError: no such folder, no picture in it, or samples would change their split unasked; nothing is changed.
    """
    recipe = context.recipe
    scan = scan_dataset(context.dataset, recipe.dataset.test_share, recipe.seed)
    stage = ingest_stage(scan, recipe.dataset)
    before = _stored(context.engine)
    stale = _stale(context, stage)
    if before:
        require_same_splits(context.engine, context.options, {sample.path: sample.split for sample in scan.samples})
        report_changes(context.engine, context.dataset, scan, stale)
    context.writer.carry_problems(INGEST, _lines(scan))
    run_stage(context, stage)
    report = _report(before, _stored(context.engine), Reader(context.engine).runs.count_problems(INGEST))
    say(
        f"ingest: {report.added} samples added, {report.changed} changed, {report.removed} removed, "
        f"{report.unchanged} unchanged" + (f"; {report.skipped} skipped, see status" if report.skipped else "")
    )
    return report


def ingest_stage(scan: Scan, settings: DatasetSettings) -> Stage:
    """The stage for what a scan has found."""
    units = list(_units(scan.samples))
    names = {(unit.split, unit.label) for unit in units}

    def finish(context: RunContext) -> None:
        context.writer.remove_other_classes(names)
        context.writer.name_classes({row.label: (row.display_name, row.family) for row in scan.classes.values()})

    return Stage(
        name=INGEST,
        settings=[settings.display_size, settings.thumbnail_size],
        inputs=(),
        tasks=lambda context: chain(_tasks(units, settings), _scan_task(scan)),
        work=_prepare,
        rows=lambda task, answers: _rows(task, answers, settings),
        jobs=lambda context, tasks: _jobs(context, tasks, settings),
        counted="sample",
        after=finish,
    )


def _units(samples: Iterable[Found]) -> Iterator[ClassFolder]:
    by_name: dict[tuple[str, str], list[Found]] = defaultdict(list)
    for sample in samples:
        by_name[sample.split, sample.label].append(sample)
    return (ClassFolder(*name, by_name[name]) for name in sorted(by_name))


def _tasks(units: Iterable[ClassFolder], settings: DatasetSettings) -> Iterator[Task]:
    for unit in units:
        yield Task(key=unit.key, mark=_digest(unit.samples, settings), payload=unit, size=len(unit.samples))


def _scan_task(scan: Scan) -> Iterator[Task]:
    """What the scan itself found wrong."""
    if scan.faults:
        mark = hashlib.sha256(repr(scan.faults).encode()).hexdigest()[:16]
        yield Task(key=SCAN_KEY, mark=mark, payload=scan.faults)


def _digest(samples: Iterable[Found], settings: DatasetSettings) -> str:
    digest = hashlib.sha256(f"{VERSION} {settings.display_size} {settings.thumbnail_size}".encode())
    for sample in samples:
        digest.update(b"\n" + sample.stamp.encode())
    return digest.hexdigest()[:16]


def _stale(context: RunContext, stage: Stage) -> set[str]:
    """Keys of the units whose files are not as they were, or that are new."""
    finished = context.writer.marks(INGEST).finished
    return {task.key for task in stage.tasks(context) if finished.get(task.key) != stage.fingerprint(task)}


def _jobs(context: RunContext, tasks: Sequence[Task], settings: DatasetSettings) -> Iterator[Job]:
    """Some samples at a time, one class after another."""
    for task in tasks:
        if task.key == SCAN_KEY:
            yield Job((task.key,), ())
            continue
        samples = task.payload.samples
        _, tile = sheet_layout(len(samples), settings.thumbnail_size)
        work = [
            Preparation(str(context.dataset), sample, settings.display_size, settings.thumbnail_size, tile)
            for sample in samples
        ]
        for start in range(0, len(work), _SAMPLES_A_JOB):
            yield Job((task.key,), tuple(work[start : start + _SAMPLES_A_JOB]))


def _prepare(_: None, work: Sequence[Preparation]) -> list[PreparedSample | Fault]:
    return [prepare(one) for one in work]


def _rows(task: Task, answers: Sequence[Any], settings: DatasetSettings) -> list[Record]:
    if task.key == SCAN_KEY:
        return [_problem(fault) for fault in task.payload]
    unit: ClassFolder = task.payload
    sheet, samples, records = SpriteSheet(len(unit.samples), settings.thumbnail_size), [], []
    for one in chain.from_iterable(answers):
        if isinstance(one, Fault):
            records.append(_problem(one))
        else:
            samples.append(_sample(one))
            sheet.add(one.path, one.tile_size, one.tile)
    sprite, layout = sheet.encode() if sheet.samples else (None, {})
    return [ClassSamplesRecord(unit.split, unit.label, samples, sprite, layout), *records]


def _problem(fault: Fault) -> ProblemRecord:
    return ProblemRecord(fault.file, fault.message, fault.line, fault.sample)


def _sample(one: PreparedSample) -> SampleRecord:
    return SampleRecord(
        path=one.path,
        picture_hash=one.picture_hash,
        entries_hash=entries_hash(one.annotations.entries),
        width=one.width,
        height=one.height,
        entries=one.annotations.entries or (),
        evidence=one.annotations.evidence,
        display=one.display,
        thumbnail=one.thumbnail,
        mask=one.mask,
    )


def _lines(scan: Scan) -> dict[str, tuple[str, int | None]]:
    """By sample the file and the line that its annotations stand in."""
    return {sample.path: (sample.source.file, sample.source.line) for sample in scan.samples if sample.source}


_Stored = dict[str, SampleVersion]


def _stored(engine: Engine) -> _Stored:
    """The version of each stored sample, by path."""
    return {sample.path: sample for sample in Reader(engine).samples.versions()}


def _report(before: _Stored, after: _Stored, skipped: int) -> IngestReport:
    both = before.keys() & after.keys()
    changed = sum(before[path] != after[path] for path in both)
    return IngestReport(
        len(after.keys() - before.keys()), changed, len(before.keys() - after.keys()), len(both) - changed, skipped
    )
