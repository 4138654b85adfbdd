"""Database addresses: which file or server a URL names, and how it is shown without its password."""

from __future__ import annotations

import contextlib
import itertools
import re
import sqlite3
from pathlib import Path
from urllib.parse import quote, unquote

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from db.errors import UserError

DEFAULT_URL = "sqlite:///explanations.db"
_NAME_BYTES = 200
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
        hint = f"; for a file write sqlite:///{url}" if _redacted(url) == url else ""
        raise UserError(f"database URL {_redacted(url)!r}: {_EXPECTED}{hint}")
    if scheme in ("sqlite", "sqlite+pysqlite"):
        if not rest.startswith("/") or rest in ("/", "/:memory:"):
            raise UserError(
                f"database URL {_redacted(url)!r}: names no file; {_EXPECTED} (four slashes before an absolute path)"
            )
        return URL.create("sqlite", database=unquote(rest[1:]))
    if scheme not in ("postgresql", "postgresql+psycopg"):
        raise UserError(f"database URL {_redacted(url)!r}: {scheme!r} is not supported; {_EXPECTED}")
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None  # the exception may quote a password: it goes no further
    if parsed is None or not parsed.database or "@" in (parsed.host or ""):  # an @ of the password ends it too early
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


def secrets(url: URL) -> list[str]:
    """The passwords in a parsed address, which no message may show."""
    given = [url.password, *(url.query.get(name) for name in ("password", "sslpassword"))]
    return [str(secret) for secret in given if secret]


def resolved(url: str | None) -> str:
    """The address given with --db, or `default_url` where none was.

    Raises:
        UserError: as `default_url`.
    """
    return default_url() if url is None else url


def default_url() -> str:
    """The database that a command means without --db: explanations.db, else the only one in the working folder.

    Raises:
        UserError: there is none, or several.
    """
    if Path("explanations.db").exists():
        return DEFAULT_URL
    found = sorted(path for path in Path().glob("*.db") if not path.name.startswith(".") and _is_ours(path))
    if not found:
        raise UserError(
            f"{Path.cwd()}: no Shelf Lens database in this folder; name one with --db, or make one with"
            " `python -m precompute run --dataset DIR`"
        )
    if len(found) > 1:
        names = ", ".join(path.name for path in found[:5]) + (", ..." if len(found) > 5 else "")
        raise UserError(f"{Path.cwd()}: several databases ({names}); name one: --db {_file_url(found[0])}")
    return _file_url(found[0])


def dataset_url(dataset: Path) -> str:
    """The database of a data set, where none is named: a file in the working folder, called as the data set's folder.

    What some systems cannot have in a file's name becomes '-'.
    """
    name = dataset.name if dataset.name not in ("", "..") else dataset.resolve().name
    safe = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*]', "-", name).lstrip(".")
    short = safe.encode("utf-8", "replace")[:_NAME_BYTES].decode("utf-8", "ignore")  # names beside it are longer
    return _file_url(Path(f"{short.strip() or 'dataset'}.db"))


def unused_url(url: str) -> str:
    """An address like this one that names no database yet, as far as files go: `groceries-2.db` for `groceries.db`."""
    parsed = parse(url)
    path = sqlite_path(parsed)
    if path is None:
        return shown(parsed.set(database=f"{parsed.database}_2"))
    numbered = (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in itertools.count(2))
    return _file_url(next(one for one in itertools.chain([path], numbered) if not one.exists()))


def _file_url(path: Path) -> str:
    """The address of a SQLite file, also where its path holds spaces, '%' or '?'."""
    return f"sqlite:///{quote(str(path))}"


def _is_ours(path: Path) -> bool:
    """Whether a file is a Shelf Lens database; asked without locks, so that it never waits and leaves no files."""
    with contextlib.suppress(OSError, sqlite3.Error):
        with path.open("rb") as file:
            if file.read(16) != b"SQLite format 3\0":
                return False
        uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
            query = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('alembic_version', 'run')"
            return bool(connection.execute(query).fetchone()[0] == 2)
    return False


def _redacted(url: str) -> str:
    """What may be shown of an address that could not be parsed: nothing before the last '@', no options.

    Without an '@' what follows a colon is a password, too, unless it can only be a port.
    """
    scheme = re.match(r"[\w+]+:/*", url)
    _, at, rest = url.rpartition("@")
    if at:
        return (scheme.group() if scheme else "") + "***@" + rest.split("?")[0]
    start = scheme.end() if scheme else 0
    return url[:start] + re.sub(r":(?!\d{1,5}(/|$)).*", ":***", url[start:].split("?")[0])
