"""Database addresses: what they name, what is refused, and that a password is never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from db import address
from db.errors import UserError


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///explanations.db", "explanations.db"),
        ("sqlite:////srv/a b/x.db", "/srv/a b/x.db"),
        ("sqlite:////srv/a%20b/x.db", "/srv/a b/x.db"),
        ("sqlite:////srv/what?/50%/#1.db", "/srv/what?/50%/#1.db"),
        ("sqlite+pysqlite:///x.db", "x.db"),
    ],
)
def test_a_sqlite_address_names_a_file(url: str, path: str) -> None:
    assert address.sqlite_path(url) == Path(path)


@pytest.mark.parametrize("path", ["/srv/100%41/x.db", "/a b/#?.db", "relative.db"])
def test_a_path_survives_being_made_an_address(path: str) -> None:
    assert address.sqlite_path(address.sqlite_url(Path(path))) == Path(path)


@pytest.mark.parametrize("url", ["postgresql://me:pw@host:5433/shelf", "postgresql+psycopg://me:pw@host:5433/shelf"])
def test_a_postgresql_address_uses_psycopg(url: str) -> None:
    parsed = address.parse(url)
    assert (parsed.drivername, parsed.host, parsed.port) == ("postgresql+psycopg", "host", 5433)
    assert address.sqlite_path(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "explanations.db",
        "",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite://explanations.db",
        "mysql://me@host/shelf",
        "postgresql://host",
        "postgresql://host:port/shelf",
        "postgres://host/shelf",
        "://",
    ],
)
def test_a_malformed_address_is_one_line(url: str) -> None:
    with pytest.raises(UserError, match=r"^database URL .*expected sqlite:///FILE") as caught:
        address.parse(url)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql//me:hunter2@host/shelf",
        "postgres://me:hunter2@host/shelf",
        "postgresql://me:hunter2@host:port/shelf",
        "postgresql://me:hunter2/3@host/",
        "mysql://me:hunter2@host/shelf?password=hunter2",
        "postgresql://host?password=hunter2",
        "me:hunter2@host",
    ],
)
def test_a_refused_address_does_not_show_its_password(url: str) -> None:
    with pytest.raises(UserError) as caught:
        address.parse(url)
    assert "hunter2" not in str(caught.value)


def test_a_shown_address_has_no_password() -> None:
    assert (
        address.shown("postgresql://me:hunter2@host/shelf?password=hunter2") == "postgresql+psycopg://me:***@host/shelf"
    )
