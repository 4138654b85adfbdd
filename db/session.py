"""Opening a database: for writing, read-only, and closing it for good at the end of a run."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DBAPIError

from db import address
from db.columns import json_text
from db.errors import UserError

SCHEMA_VERSION = "0003"  # the newest revision in db/migrations/versions; a test compares
PAGE_SIZE = 8192
BUSY_SECONDS = 30


def create(url: str) -> Engine:
    """Open a database for writing and create the schema where there is none.

    Raises:
        UserError: malformed or unreachable address, another schema version, or another program's tables.
    """
    parsed = address.parse(url)
    path = address.sqlite_path(parsed)
    if path is not None and not path.exists():
        _create_file(path)
    engine = _open_for_writing(parsed)
    with _explained(parsed):
        if schema_version(engine) is None:
            if names := inspect(engine).get_table_names():
                raise UserError(f"{address.shown(parsed)}: holds other tables ({names[0]}, ...); name a new database")
            _migrate(engine)
        _demand_current(engine)
    return engine


def open_read_only(url: str) -> Engine:
    """Open an existing database; nothing that is asked of the engine can change it.

    Raises:
        UserError: malformed or unreachable address, missing file, no schema, or another schema version.
    """
    parsed = address.parse(url)
    path = address.sqlite_path(parsed)
    if path is None:
        engine = _server_engine(parsed, execution_options={"postgresql_readonly": True})
    else:
        if not path.exists():
            raise UserError(f"{address.shown(parsed)}: no such file; `python -m precompute run --db {url}` makes one")
        engine = _file_engine(path, "ro")
    with _explained(parsed, reading=True):
        _demand_current(engine)
    return engine


def upgrade(url: str) -> tuple[str, str]:
    """Bring an older schema to this version; returns the versions before and after.

    Raises:
        UserError: as `open_read_only`, but for an older schema.
    """
    parsed = address.parse(url)
    path = address.sqlite_path(parsed)
    if path is not None and not path.exists():
        raise UserError(f"{address.shown(parsed)}: no such file")
    engine = _open_for_writing(parsed)
    try:
        with _explained(parsed):
            before = schema_version(engine)
            if before is None:
                raise UserError(f"{address.shown(parsed)}: no Shelf Lens schema in it")
            if before < SCHEMA_VERSION:
                _migrate(engine)
            _demand_current(engine)
        return before, SCHEMA_VERSION
    finally:
        finish(engine)


def finish(engine: Engine) -> None:
    """Close all connections; a SQLite file is then one file, readable in an unwritable folder.

    While another process has the file open, it stays in WAL mode: nothing is lost, and the next `finish` mends it.
    """
    engine.dispose()
    path = address.sqlite_path(engine.url)
    if path is None:
        return
    with contextlib.closing(sqlite3.connect(path, timeout=1)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with contextlib.suppress(sqlite3.OperationalError):  # locked: someone else has it open
            connection.execute("PRAGMA journal_mode=DELETE")


def schema_version(engine: Engine) -> str | None:
    """The schema version that a database is at, None without a schema."""
    if not inspect(engine).has_table("alembic_version"):
        return None
    with engine.connect() as connection:
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if version is None else str(version)


def _demand_current(engine: Engine) -> None:
    found = schema_version(engine)
    shown = address.shown(engine.url)
    if found is None:
        raise UserError(f"{shown}: no Shelf Lens schema in it; `python -m precompute run --db` makes one")
    if found < SCHEMA_VERSION:
        raise UserError(
            f"{shown}: schema version {found} is older than this program's {SCHEMA_VERSION};"
            f" run `python -m db check --upgrade --db {shown}`"
        )
    if found > SCHEMA_VERSION:
        raise UserError(
            f"{shown}: schema version {found} is newer than this program's {SCHEMA_VERSION}; update Shelf Lens"
        )


def _create_file(path: Path) -> None:
    """Build the schema beside the file and move it there: a kill or a second process leaves no half schema."""
    if not path.parent.is_dir():
        raise UserError(f"sqlite:///{path}: the folder {path.parent} does not exist; create it first")
    building = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with _explained(URL.create("sqlite", database=str(path))):
            engine = _file_engine(building, "rwc")
            _migrate(engine)
            finish(engine)
        with contextlib.suppress(FileExistsError):
            os.link(building, path)  # unlike a rename, never replaces what another process put there
    finally:
        building.unlink(missing_ok=True)


def _migrate(engine: Engine) -> None:
    from db.migrations import migrate  # Alembic takes 0.2 s to import; readers never need it

    with engine.begin() as connection:
        migrate(connection)


def _open_for_writing(parsed: URL) -> Engine:
    path = address.sqlite_path(parsed)
    return _server_engine(parsed) if path is None else _file_engine(path, "rwc")


def _server_engine(parsed: URL, **options: Any) -> Engine:
    return create_engine(
        parsed,
        pool_pre_ping=True,
        pool_size=8,
        max_overflow=56,
        connect_args={"connect_timeout": 10},
        json_serializer=json_text,
        **options,
    )


def _file_engine(path: Path, mode: str) -> Engine:
    """An engine on a SQLite file whose transactions begin when SQLAlchemy says so, not at the first change."""
    uri = f"{path.absolute().as_uri()}?mode={mode}"  # as_uri escapes what SQLite would read as an option

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(uri, uri=True, check_same_thread=False, timeout=BUSY_SECONDS, isolation_level=None)
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
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('sqlite_begin', 'DEFERRED')}")


@contextlib.contextmanager
def _explained(parsed: URL, reading: bool = False) -> Iterator[None]:
    """Turn what the driver raises into one line without a password."""
    path = address.sqlite_path(parsed)
    try:
        if path is not None and path.is_dir():
            raise UserError(f"{address.shown(parsed)}: is a folder; name a file in it")
        yield
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        reason = " ".join(str(cause).split())
        if parsed.password:
            reason = reason.replace(str(parsed.password), "***")
        raise UserError(f"{address.shown(parsed)}: {reason}{_remedy(reason, path, reading)}") from None


def _remedy(reason: str, path: Path | None, reading: bool) -> str:
    if path is None:
        return "; is the server up and the address right?"
    if "file is not a database" in reason:
        return "; name another file"
    if "locked" in reason:
        return "; another program is at work on it: wait for it or stop it"
    if "unable to open" in reason or "readonly" in reason:
        if reading and os.access(path, os.R_OK):
            return "; a killed run left it in WAL mode: `python -m db compact` mends it where it may write"
        return "; may you read and write there?"
    return ""
