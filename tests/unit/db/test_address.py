"""Database addresses: what they name, what is refused, and that a password is never shown."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from urllib.parse import quote

import pytest

from db import address, session
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
    assert address.sqlite_path(address.unused_url(f"sqlite:///{quote(path)}")) == Path(path)


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
        "sqlite://me:hunter2@host/x",
        "sqlite://me:hunter2",
        "postgresql://me:hunter2host/shelf",
        "postgresql://me:12hunter2/3host/shelf",
        "mysql:me:hunter2",
        "postgresql://me:pass@hunter2@host/shelf",
        "postgresql://me:hunter2@pass@host/shelf",
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


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with files that are no Shelf Lens databases."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photograph.db").write_bytes(b"a photograph, say" * 100)
    (tmp_path / "empty.db").touch()
    (tmp_path / "folder.db").mkdir()
    with sqlite3.connect(tmp_path / "invoices.db") as connection:
        connection.execute("CREATE TABLE run (id INTEGER)")
    return tmp_path


def _make(*names: str) -> None:
    for name in names:
        session.finish(session.create(f"sqlite:///{quote(name)}"))


def test_a_given_address_is_taken_as_it_is(folder: Path) -> None:
    assert address.resolved("sqlite:///nowhere.db") == "sqlite:///nowhere.db"


def test_explanations_is_meant_where_it_is_there(folder: Path) -> None:
    _make("explanations.db", "other.db")
    assert address.resolved(None) == "sqlite:///explanations.db"


def test_else_the_only_database_is_meant(folder: Path) -> None:
    _make("a b 50%.db", ".hidden.db")
    before = sorted(folder.iterdir())
    url = address.resolved(None)
    assert address.sqlite_path(url) == Path("a b 50%.db")
    assert sorted(folder.iterdir()) == before
    session.open_read_only(url)


def test_a_database_that_is_written_to_is_found_without_waiting(folder: Path) -> None:
    _make("x.db")
    with sqlite3.connect("x.db", isolation_level=None) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        assert address.resolved(None) == "sqlite:///x.db"


def test_of_several_databases_one_has_to_be_named(folder: Path) -> None:
    _make("b.db", "a.db")
    with pytest.raises(UserError, match=r"several databases \(a\.db, b\.db\); name one: --db sqlite:///a\.db"):
        address.resolved(None)


def test_without_a_database_the_command_that_makes_one_is_named(folder: Path) -> None:
    with pytest.raises(UserError, match=r"no Shelf Lens database in this folder; .* precompute run --dataset"):
        address.resolved(None)


@pytest.mark.parametrize(
    ("dataset", "name"),
    [
        ("data/groceries", "groceries.db"),
        ("/srv/my data/", "my data.db"),
        ("50%20", "50%20.db"),
        ("what?", "what-.db"),
        ("a\\b:c\n", "a-b-c-.db"),
        (".hidden", "hidden.db"),
        ("/", "dataset.db"),
        ("äöü", "äöü.db"),
        ("bytes\udcff", "bytes?.db"),
        ("ü" * 120, "ü" * 100 + ".db"),
    ],
)
def test_a_data_set_names_its_database(dataset: str, name: str) -> None:
    assert address.sqlite_path(address.dataset_url(Path(dataset))) == Path(name)


@pytest.mark.parametrize("dataset", [".", "sub/.."])
def test_a_folder_without_a_name_is_looked_up(dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pictures" / "sub").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "pictures")
    assert address.dataset_url(Path(dataset)) == "sqlite:///pictures.db"


def test_an_unused_address_is_the_next_free_file_or_another_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/my shop.db"
    assert address.sqlite_path(address.unused_url(url)) == tmp_path / "my shop.db"
    for name in ("my shop.db", "my shop-2.db"):
        (tmp_path / name).touch()
    assert address.sqlite_path(address.unused_url(url)) == tmp_path / "my shop-3.db"
    assert address.unused_url("postgresql://me:secret@host/shop") == "postgresql+psycopg://me:***@host/shop_2"
