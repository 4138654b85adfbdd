"""Database addresses: which file or server a URL names, and how it is shown without its password."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, unquote

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from db.errors import UserError

DEFAULT_URL = "sqlite:///explanations.db"
_EXPECTED = "expected sqlite:///FILE or postgresql://USER@HOST/DATABASE"


def parse(url: str) -> URL:
    """The SQLAlchemy URL of a database, checked.

    Percent signs are decoded as SQLAlchemy does (%20 = space); a SQLite address has no options, so that '?' and '#'
    belong to the file's name. Relative files are relative to the current folder.

    Raises:
        UserError: not an address of a SQLite file or a PostgreSQL database.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        hint = f"; for a file write sqlite:///{url}" if "@" not in url else ""
        raise UserError(f"database URL {_redacted(url)!r}: {_EXPECTED}{hint}")
    if scheme in ("sqlite", "sqlite+pysqlite"):
        if not rest.startswith("/") or rest in ("/", "/:memory:"):
            raise UserError(f"database URL {url!r}: names no file; {_EXPECTED} (four slashes before an absolute path)")
        return URL.create("sqlite", database=unquote(rest[1:]))
    if scheme not in ("postgresql", "postgresql+psycopg"):
        raise UserError(f"database URL {_redacted(url)!r}: {scheme!r} is not supported; {_EXPECTED}")
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None  # the exception may quote a password: it goes no further
    if parsed is None or not parsed.database:
        raise UserError(
            f"database URL {_redacted(url)!r}: {_EXPECTED} (in a password write @ : / ? as %40 %3A %2F %3F)"
        )
    return parsed.set(drivername="postgresql+psycopg")


def shown(url: str | URL) -> str:
    """The address for messages: no password, no options."""
    parsed = parse(url) if isinstance(url, str) else url
    if parsed.get_backend_name() == "sqlite":
        return f"sqlite:///{parsed.database}"
    return parsed.set(query={}).render_as_string(hide_password=True)


def sqlite_path(url: str | URL) -> Path | None:
    """The file of a SQLite address, None for a server."""
    parsed = parse(url) if isinstance(url, str) else url
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


def sqlite_url(path: Path) -> str:
    """The address of a SQLite file, also where its path holds spaces, '%' or '?'."""
    return f"sqlite:///{quote(str(path))}"


def _redacted(url: str) -> str:
    """What may be shown of an address that could not be parsed: nothing before the last '@', no options."""
    scheme = re.match(r"[\w+]+:/*", url)
    _, at, place = url.rpartition("@")
    return (scheme.group() if scheme else "") + "***@" + place.split("?")[0] if at else url.split("?")[0]
