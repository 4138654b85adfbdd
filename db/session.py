"""Opening a database: for writing, read-only, and closing it for good at the end of a run."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import sqlalchemy
from sqlalchemy import URL, inspect, text

from db import address, engines
from db.database_errors import FAILURES, explained_error
from db.errors import UserError

Engine: TypeAlias = sqlalchemy.Engine
"""An opened database: what Reader and Writer take."""

SCHEMA_VERSION = "0004"  # the newest revision in db/schema/migrations/versions; a test compares
OLDEST_READABLE = "0003"  # nothing that readers use has changed since


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
    try:
        with _explained(parsed):
            _demand_unicode(engine)
            if schema_version(engine) is None:
                if names := inspect(engine).get_table_names():
                    shown = address.shown(parsed)
                    raise UserError(f"{shown}: holds other tables ({names[0]}, ...); name a new database")
                _migrate(engine)
            _demand(engine, SCHEMA_VERSION)
    except BaseException:  # what is refused is left as it was, in one plain file
        with contextlib.suppress(UserError):
            finish(engine)
        raise
    return engine


def open_read_only(url: str, oldest: str = OLDEST_READABLE) -> Engine:
    """Open an existing database; nothing that is asked of the engine can change it.

    Args:
        oldest: the oldest schema version that will do; before SCHEMA_VERSION some tables and columns are not there.

    Raises:
        UserError: malformed or unreachable address, missing file, no schema, an older or newer schema version.
    """
    parsed = address.parse(url)
    path = address.sqlite_path(parsed)
    if path is None:
        engine = engines.server_engine(parsed, execution_options={"postgresql_readonly": True})
    else:
        if not path.exists():
            raise UserError(f"{address.shown(parsed)}: no such file; `python -m precompute run --db {url}` makes one")
        engine = engines.file_engine(path, "ro")
    with _explained(parsed, reading=True):
        _demand_unicode(engine)
        _demand(engine, oldest)
    return engine


def upgrade(url: str, wait: bool = False) -> tuple[str, str]:
    """Bring an older schema to this version; returns the versions before and after.

    Raises:
        UserError: as `open_read_only`, but for an older schema; or, without `wait`, another program is writing.
    """
    parsed = address.parse(url)
    path = address.sqlite_path(parsed)
    if path is not None and not path.exists():
        raise UserError(f"{address.shown(parsed)}: no such file")
    engine = _open_for_writing(parsed)
    try:
        with _explained(parsed):
            _demand_unicode(engine)
            before = schema_version(engine)
            if before is None:
                raise UserError(f"{address.shown(parsed)}: no Shelf Lens schema in it")
            if before < SCHEMA_VERSION:
                with _alone(engine, wait):
                    _migrate(engine)
            _demand(engine, SCHEMA_VERSION)
        return before, SCHEMA_VERSION
    finally:
        finish(engine)


def finish(engine: Engine) -> None:
    """Close all connections; a SQLite file is then one file, readable in an unwritable folder.

    While another process has the file open, it stays in WAL mode: nothing is lost, and the next `finish` completes it.

    Raises:
        UserError: the file cannot be completed, for the disk is full, say.
    """
    engine.dispose()
    path = address.sqlite_path(engine.url)
    if path is None:
        return
    engines.close_leaked(engine)
    with _explained(engine.url), contextlib.closing(sqlite3.connect(path, timeout=1)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        try:
            connection.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):  # locked: someone else has it open
                raise


def schema_version(engine: Engine) -> str | None:
    """The schema version that a database is at, None without a schema.

    Raises:
        UserError: what stands there is no version of Shelf Lens.
    """
    if not inspect(engine).has_table("alembic_version"):
        return None
    with engine.connect() as connection:
        versions = [str(row[0]) for row in connection.execute(text("SELECT version_num FROM alembic_version LIMIT 9"))]
    if len(versions) == 1 and re.fullmatch("[0-9]{4}", versions[0]) and versions[0] != "0000":
        return versions[0]
    found = " and ".join(repr(version[:20]) for version in versions) or "nothing"
    raise UserError(
        f"{address.shown(engine.url)}: its table alembic_version says {found}, which is no schema version of Shelf"
        " Lens; restore a copy of it, or name another database"
    )


def _demand(engine: Engine, oldest: str) -> None:
    found = schema_version(engine)
    shown = address.shown(engine.url)
    if found is None:
        raise UserError(f"{shown}: no Shelf Lens schema in it; `python -m precompute run --db` makes one")
    if found < oldest:
        raise UserError(
            f"{shown}: schema version {found} is older than this program's {SCHEMA_VERSION};"
            f" run `python -m db check --upgrade --db {shlex.quote(shown)}`"
        )
    if found > SCHEMA_VERSION:
        raise UserError(
            f"{shown}: schema version {found} is newer than this program's {SCHEMA_VERSION}; update Shelf Lens"
        )


def _demand_unicode(engine: Engine) -> None:
    """Refuse a server's database that cannot store every text."""
    if engine.dialect.name != "postgresql":
        return
    with engine.connect() as connection:
        encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        raise UserError(
            f"{address.shown(engine.url)}: its encoding is {encoding}, and texts need UTF8; make a database with"
            " `createdb --encoding=UTF8 --template=template0 NAME` and name that one"
        )


def _create_file(path: Path) -> None:
    """Build the schema beside the file and move it there: a kill or a second process leaves no half schema."""
    if not path.parent.is_dir():
        raise UserError(f"sqlite:///{path}: the folder {path.parent} does not exist; create it first")
    building = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with _explained(URL.create("sqlite", database=str(path))):
            engine = engines.file_engine(building, "rwc")
            _migrate(engine)
            finish(engine)
        with contextlib.suppress(FileExistsError):
            os.link(building, path)  # unlike a rename, never replaces what another process put there
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            building.with_name(building.name + suffix).unlink(missing_ok=True)


def _migrate(engine: Engine) -> None:
    from db.schema.migrations import migrate  # Alembic takes 0.2 s to import; readers never need it

    with engine.execution_options(sqlite_begin="IMMEDIATE").begin() as connection:
        if connection.dialect.name == "postgresql":  # of two at once the second finds everything done
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('Shelf Lens schema'))"))
        migrate(connection)


def _alone(engine: Engine, wait: bool) -> contextlib.AbstractContextManager[object]:
    """The right to write, where the schema is new enough to give it."""
    if not inspect(engine).has_table("lease"):
        return contextlib.nullcontext()
    from db.write.lease import hold  # with all mappings; readers never need it

    return hold(engine, "python -m db check --upgrade", wait)


def _open_for_writing(parsed: URL) -> Engine:
    path = address.sqlite_path(parsed)
    return engines.server_engine(parsed) if path is None else engines.file_engine(path, "rwc")


@contextlib.contextmanager
def _explained(parsed: URL, reading: bool = False) -> Iterator[None]:
    """Turn what the driver raises into one line without a password."""
    path = address.sqlite_path(parsed)
    if path is not None and path.is_dir():
        raise UserError(f"{address.shown(parsed)}: is a folder; name a file in it")
    try:
        yield
    except FAILURES as error:
        raise explained_error(error, parsed, reading) from None
