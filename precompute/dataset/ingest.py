"""The data set stage: from a folder to samples, entries, masks, evidence and the pictures that the browser shows."""

from __future__ import annotations

import hashlib
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sqlalchemy import Engine, delete, exists, func, select
from sqlalchemy.orm import Session

from db.tables import Category, Problem, Sample, WorkUnit
from precompute.dataset.faults import Fault
from precompute.dataset.found import ClassRow, Found, Scan
from precompute.dataset.pictures import SpriteSheet, sheet_layout
from precompute.dataset.pool import in_order
from precompute.dataset.preparation import Preparation, PreparedSample, prepare
from precompute.dataset.scan import scan_dataset
from precompute.dataset.store import UnitStore
from precompute.dataset.units import STAGE, UnitName, delete_unit, mark_unit, remove_unit
from precompute.recipe import DatasetSettings, Recipe

SCAN_KEY = "scan"  # the unit that owns the problems of no sample; other keys hold a slash
VERSION = 1  # raised when the same files would be stored in another way
_TASKS_A_WORKER = 8  # fewer are done before a worker process has started

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class IngestReport:
    """Numbers of samples, by what happened to them; `skipped` counts the problems that stand, also earlier ones."""

    added: int
    changed: int
    removed: int
    unchanged: int
    skipped: int


@dataclass(frozen=True)
class _Unit:
    name: UnitName
    samples: Sequence[Found]
    digest: str


def ingest(
    engine: Engine,
    recipe: Recipe,
    dataset: Path,
    run_id: int,
    workers: int,
    progress: Progress = lambda done, total: None,
) -> IngestReport:
    """Bring the stored samples up to date with a data set folder.

    A unit is the samples of one class in one split; one whose files are as they were is not looked at again.
    Whatever is wrong with a sample becomes a `problem` row, the sample is left out, the rest goes on.

    Args:
        engine: opened for writing.
        dataset: an ImageFolder, or one in the FineGrainOCR layout.
        run_id: the run that new rows belong to.
        workers: processes that decode; the stored bytes do not depend on it.
        progress: called with the number of samples that are done and that of all.

    Raises:
        UserError: no such folder, or no picture in it; nothing is changed then.
    """
    scan = scan_dataset(dataset, recipe.dataset.test_share, recipe.seed)
    writing = engine.execution_options(sqlite_begin="IMMEDIATE")  # as db.writer: waits for other writers
    units = _units(scan.samples, recipe.dataset)
    before = _stored_units(engine)
    _carry_problems(writing, run_id, scan.samples)
    stale = [unit for unit in units if before.get(unit.name.key) != unit.digest]
    total, done = len(scan.samples), len(scan.samples) - sum(len(unit.samples) for unit in stale)
    progress(done, total)
    added = changed = removed = 0
    tasks = (task for unit in stale for task in _tasks(unit, dataset, recipe.dataset))
    workers = min(workers, math.ceil((total - done) / _TASKS_A_WORKER))
    with closing(in_order(prepare, tasks, workers)) as results:
        for unit in stale:
            with Session(writing) as session, session.begin():
                store = UnitStore(session, run_id, unit.name)
                for _ in _store_unit(store, unit, islice(results, len(unit.samples)), recipe.dataset):
                    done += 1
                    progress(done, total)
            added, changed, removed = added + store.added, changed + store.changed, removed + store.removed
    removed += _remove_missing(writing, before.keys() - {unit.name.key for unit in units})
    _store_scan_faults(writing, run_id, scan, before.get(SCAN_KEY))
    _store_classes(writing, scan.classes)
    with Session(engine) as session:
        samples = session.scalar(select(func.count()).select_from(Sample)) or 0
        skipped = session.scalar(select(func.count()).where(Problem.stage == STAGE)) or 0
    return IngestReport(added, changed, removed, samples - added - changed, skipped)


def _units(samples: Iterable[Found], settings: DatasetSettings) -> list[_Unit]:
    by_name: dict[UnitName, list[Found]] = defaultdict(list)
    for sample in samples:
        by_name[UnitName(sample.split, sample.label)].append(sample)
    names = sorted(by_name, key=lambda name: (name.split, name.label))
    return [_Unit(name, by_name[name], _digest(by_name[name], settings)) for name in names]


def _digest(samples: Iterable[Found], settings: DatasetSettings) -> str:
    digest = hashlib.sha256(f"{VERSION} {settings.display_size} {settings.thumbnail_size}".encode())
    for sample in samples:
        digest.update(b"\n" + sample.stamp.encode())
    return digest.hexdigest()[:16]


def _stored_units(engine: Engine) -> dict[str, str]:
    """Digest of every finished unit by its key."""
    query = select(WorkUnit.key, WorkUnit.settings_hash).where(WorkUnit.stage == STAGE, WorkUnit.status == "done")
    with Session(engine) as session:
        return dict(session.execute(query).tuples().all())


def _tasks(unit: _Unit, dataset: Path, settings: DatasetSettings) -> Iterator[Preparation]:
    _, tile = sheet_layout(len(unit.samples), settings.thumbnail_size)
    for sample in unit.samples:
        yield Preparation(str(dataset), sample, settings.display_size, settings.thumbnail_size, tile)


def _store_unit(
    store: UnitStore, unit: _Unit, results: Iterable[PreparedSample | Fault], settings: DatasetSettings
) -> Iterator[None]:
    """Store a unit, yielding after each sample."""
    started = time.monotonic()
    sheet, faults = SpriteSheet(len(unit.samples), settings.thumbnail_size), []
    store.take_over([sample.path for sample in unit.samples])
    for result in results:
        if isinstance(result, Fault):
            faults.append(result)
        else:
            store.put(result)
            sheet.add(result.path, result.tile_size, result.tile)
        yield
    store.finish(unit.digest, sheet, faults, time.monotonic() - started)


def _remove_missing(writing: Engine, keys: Iterable[str]) -> int:
    """Remove units that the data set has no more, and classes without samples; returns the number of samples."""
    removed = 0
    with Session(writing) as session, session.begin():
        for key in set(keys) - {SCAN_KEY}:
            split, _, label = key.partition("/")
            removed += remove_unit(session, UnitName(split, label))
        session.execute(delete(Category).where(~exists().where(Sample.category_id == Category.id)))
    return removed


def _carry_problems(writing: Engine, run_id: int, samples: Sequence[Found]) -> None:
    """Hand standing problems on to this run, with the line where each stands now in an otherwise unchanged file."""
    sources = {sample.path: sample.source for sample in samples}
    with Session(writing) as session, session.begin():
        for problem in session.scalars(select(Problem).where(Problem.stage == STAGE)):
            problem.run_id = run_id
            source = sources.get(problem.sample or "")
            if source and source.file == problem.file:
                problem.line = source.line


def _store_scan_faults(writing: Engine, run_id: int, scan: Scan, stored: str | None) -> None:
    """Store what the scan itself found wrong, if that is not what it found the last time."""
    digest = hashlib.sha256(repr(scan.faults).encode()).hexdigest()[:16] if scan.faults else None
    if digest == stored:
        return
    with Session(writing) as session, session.begin():
        if digest is None:
            delete_unit(session, STAGE, SCAN_KEY)
        else:
            mark_unit(session, run_id, STAGE, digest, SCAN_KEY, scan.faults)


def _store_classes(writing: Engine, classes: dict[str, ClassRow]) -> None:
    """Give the stored classes the names and families of classes.csv; the session writes those that differ."""
    with Session(writing) as session, session.begin():
        for category in session.scalars(select(Category)):
            row = classes.get(category.label, ClassRow(category.label))
            if (category.display_name, category.family) != (row.display_name, row.family):
                category.display_name, category.family = row.display_name, row.family
