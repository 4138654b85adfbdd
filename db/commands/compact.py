"""Giving freed space back."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from sqlalchemy import Engine, text

from db import address
from db.commands.info import size_bytes
from db.database_errors import explained_error
from db.errors import UserError
from db.session import create, finish
from db.write.lease import hold


def compact_database(url: str, wait: bool = False) -> tuple[int, int]:
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
            before = size_bytes(engine)
            _compact_server(engine) if path is None else _compact_file(engine, path)
            after = size_bytes(engine)
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
