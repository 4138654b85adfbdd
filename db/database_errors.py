"""What goes wrong with a database's engine, disk or server, as one line: where, why, and what to do."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

from sqlalchemy import URL, Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, OperationalError

from db import address
from db.errors import UserError

Failure = DBAPIError | sqlite3.Error | OSError
FAILURES = (DBAPIError, sqlite3.Error, OSError)
_URL = "shelf_lens_url"
_FULL = "; free some space and run the same command again: what was finished is kept"
_UNWRITABLE = "; may you read and write there?"
_LOCKED = "; another program is at work on it: wait for it or stop it"
_IN_FILES = (
    ("database or disk is full", _FULL),
    ("disk I/O error", "; is the disk full, failing or gone?"),
    ("disk image is malformed", "; the file is damaged: restore a copy of it, or name a new file with --db"),
    ("file is not a database", "; name another file"),
    ("locked", _LOCKED),
    ("unable to open", _UNWRITABLE),
    ("readonly", _UNWRITABLE),
)
_BY_STATE = (
    ("53100", _FULL),
    ("25006", "; the server takes no changes: name its primary, or a user who may write"),
    ("42501", _UNWRITABLE),
    ("55P03", _LOCKED),
    ("28", "; are the user and the password right?"),
    ("3D000", "; make it with createdb, or name another"),
)
_BY_NUMBER = {errno.ENOSPC: _FULL, errno.EDQUOT: _FULL, errno.EROFS: "; name a place that can be written to"}


def remember_url(engine: Engine) -> None:
    """Let every error of an engine know the engine's address, for `explained_error`."""

    def note(context: ExceptionContext) -> None:
        if context.sqlalchemy_exception is not None:
            setattr(context.sqlalchemy_exception, _URL, engine.url)

    event.listen(engine, "handle_error", note)


def explained_error(error: Failure, url: URL | None = None, reading: bool = False) -> UserError:
    """The line for what a driver, a disk or a server raised, without a password.

    Args:
        url: where; errors of the engines of `db.session` know it themselves.
        reading: whether the database was opened read-only.
    """
    url = url or getattr(error, _URL, None)
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, OSError):
        return _of_the_disk(cause, url)
    reason = " ".join(str(cause).split())
    if url is None:
        return UserError(f"database: {reason}{_file_remedy(reason, None, reading)}")
    for secret in address.secrets(url):
        reason = reason.replace(secret, "***")
    path = address.sqlite_path(url)
    remedy = _server_remedy(error) if path is None else _file_remedy(reason, path, reading)
    return UserError(f"{address.shown(url)}: {reason}{remedy}")


def _of_the_disk(error: OSError, url: URL | None) -> UserError:
    named = error.filename if error.filename is not None else url and address.shown(url)
    reason = f"{error.strerror or error}{_BY_NUMBER.get(error.errno or 0, '')}"
    return UserError(
        reason if named is None else f"{os.fsdecode(named) if isinstance(named, bytes) else named}: {reason}"
    )


def _file_remedy(reason: str, path: Path | None, reading: bool) -> str:
    remedy = next((remedy for words, remedy in _IN_FILES if words in reason), "")
    if remedy == _UNWRITABLE and reading and path is not None and os.access(path, os.R_OK):
        return "; a killed run left it in WAL mode: `python -m db compact` fixes it where it may write"
    return remedy


def _server_remedy(error: Failure) -> str:
    state = getattr(getattr(error, "orig", None), "sqlstate", None) or ""
    if remedy := next((remedy for start, remedy in _BY_STATE if state.startswith(start)), ""):
        return remedy
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return "; the connection was lost: when the server is up, run the same command again: what was finished is kept"
    return "; is the server up and the address right?" if isinstance(error, OperationalError) else ""
