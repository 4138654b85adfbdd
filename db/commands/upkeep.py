"""Upkeep of a whole database: its figures, and giving freed space back."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, func, select, text

from db import address
from db.errors import UserError
from db.failures import explained_error
from db.read.reader import Reader
from db.schema.base import Base
from db.schema.tables import Category, Explanation, GlobalGroup, OcrEntry, Sample
from db.session import create, finish, schema_version
from db.write.lease import hold


def describe(engine: Engine) -> dict[str, Any]:
    """The figures of a database as a JSON value; times are UTC, sizes bytes, accuracies 0..1."""
    reader = Reader(engine)
    with engine.connect() as connection:
        splits = dict(connection.execute(select(Sample.split, func.count()).group_by(Sample.split)).tuples().all())
        counts = {table: _count(connection, table) for table in (Sample, Category, OcrEntry, Explanation, GlobalGroup)}
    return {
        "database": address.shown(engine.url),
        "schema_version": schema_version(engine),
        "size_bytes": _size(engine),
        "samples": counts[Sample],
        "splits": splits,
        "classes": counts[Category],
        "entries": counts[OcrEntry],
        "explanations": counts[Explanation],
        "global_groups": counts[GlobalGroup],
        "models": [
            {
                "name": model.name,
                "kind": model.kind,
                "accuracy": model.accuracy,
                "top3_accuracy": model.top3_accuracy,
                "explained": model.explained,
                "explanations": model.explanations,
            }
            for model in reader.models.all()
        ],
        "runs": [
            {
                "dataset": run.dataset,
                "artifacts": run.artifacts,
                "seed": run.seed,
                "settings_hash": run.settings_hash,
                "shelf_lens": run.versions.get("shelf-lens"),
                "started_at": f"{run.started_at.isoformat(timespec='seconds')}Z",
                "finished_at": run.finished_at and f"{run.finished_at.isoformat(timespec='seconds')}Z",
            }
            for run in reader.runs.all()
        ],
        "stages": [
            {"stage": stage.stage, "done": stage.done, "failed": stage.failed, "seconds": stage.seconds}
            for stage in reader.runs.progress()
        ],
        "problems": [
            {"stage": p.stage, "file": p.file, "line": p.line, "sample": p.sample, "message": p.message}
            for p in reader.runs.problems()
        ],
    }


def compact(url: str, wait: bool = False) -> tuple[int, int]:
    """Give freed space back and leave a SQLite file as one file; returns the bytes before and after.

    Raises:
        UserError: as `db.session.create`, a missing file, or, without `wait`, another program is writing.
    """
    path = address.sqlite_path(url)
    if path is not None and not path.exists():
        raise UserError(f"{address.shown(url)}: no such file")
    engine = create(url)
    try:
        with hold(engine, "python -m db compact", wait):
            before = _size(engine)
            _compact_server(engine) if path is None else _compact_file(engine, path)
            after = _size(engine)
    finally:
        finish(engine)
    return before, after


def _compact_server(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (FULL, ANALYZE)"))


def _compact_file(engine: Engine, path: Path) -> None:
    from sqlite_utils import Database  # slow to import; readers never need it

    finish(engine)
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=1)) as connection:
            database = Database(connection)
            database["ocr_entry"].optimize()
            database.analyze()
            database.vacuum()
    except sqlite3.Error as error:
        raise explained_error(error, engine.url) from None


def _count(connection: Connection, table: type[Base]) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def _size(engine: Engine) -> int:
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            return int(connection.scalar(text("SELECT pg_database_size(current_database())")) or 0)
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        return int(pages) * int(connection.exec_driver_sql("PRAGMA page_size").scalar_one())
