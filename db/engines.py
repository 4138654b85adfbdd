"""Engines: how a SQLite file and a server's database are connected to."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event

from db.database_errors import remember_url
from db.values import json_text

PAGE_SIZE = 8192
BUSY_SECONDS = 30


def server_engine(parsed: URL, **options: Any) -> Engine:
    """An engine on a PostgreSQL database; `options` are those of `sqlalchemy.create_engine`."""
    engine = create_engine(
        parsed,
        pool_pre_ping=True,
        pool_size=8,
        max_overflow=56,
        connect_args={"connect_timeout": 10, "client_encoding": "UTF8"},  # else some servers answer in bytes
        json_serializer=json_text,
        **options,
    )
    remember_url(engine)
    return engine


class _FileConnection(sqlite3.Connection):
    """One that can be referred to weakly, and tells whether it is open."""

    @property
    def is_open(self) -> bool:
        try:
            return self.total_changes >= 0
        except sqlite3.ProgrammingError:  # closed
            return False


_OPENED: WeakKeyDictionary[Dialect, WeakSet[_FileConnection]] = WeakKeyDictionary()
"""The connections to files that are open, by their engine's dialect, which an engine shares with its variants alone."""


def file_engine(path: Path, mode: str) -> Engine:
    """An engine on a SQLite file whose transactions begin when SQLAlchemy says so, not at the first change.

    Args:
        mode: `ro`, `rw` or `rwc` (create), as in SQLite's URI file names.
    """
    uri = f"{path.absolute().as_uri()}?mode={mode}"  # as_uri escapes what SQLite would read as an option
    opened: WeakSet[_FileConnection] = WeakSet()

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            uri,
            uri=True,
            check_same_thread=False,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            factory=_FileConnection,
        )
        opened.add(connection)
        connection.execute("PRAGMA foreign_keys=ON")
        if mode != "ro":
            connection.execute(f"PRAGMA page_size={PAGE_SIZE}")  # heeded before the first table only
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
        return connection

    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        creator=connect,
        pool_size=8,
        max_overflow=56,
        json_serializer=json_text,
    )
    _OPENED[engine.dialect] = opened
    event.listen(engine, "begin", _begin)
    remember_url(engine)
    return engine


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('sqlite_begin', 'DEFERRED')}")


def close_leaked(engine: Engine) -> None:
    """Close connections that were not returned to the pool: a signal may come while it hands one out."""
    left = [connection for connection in list(_OPENED.get(engine.dialect, ())) if connection.is_open]
    if left:  # the pool is to say nothing when it finds them closed: the program is at its end
        logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    for connection in left:
        connection.close()
