"""Opening and closing databases, and the one line that each mistake gives."""

from __future__ import annotations

import gc
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DBAPIError

from db import session
from db.commands.compact import compact_database
from db.errors import UserError
from db.read.reader import Reader
from db.schema.tables import Run
from tests.conftest import PROJECT
from tests.example_database import build


def _mark(engine: Engine, version: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})
    session.finish(engine)


def test_creating_twice_keeps_the_content(engine_url: str) -> None:
    build(engine_url)
    engine = session.create(engine_url)
    assert len(Reader(engine).classes.all()) == 3


def test_a_read_only_engine_cannot_write(engine_url: str) -> None:
    build(engine_url)
    with session.open_read_only(engine_url).connect() as connection, pytest.raises(DBAPIError, match=r"read-?\s?only"):
        connection.execute(text("DELETE FROM run"))


@pytest.mark.parametrize("folder", ["a b", "#1", "what?", "50%", "50%20", "ünï", "it's"])
def test_any_folder_will_do(tmp_path: Path, folder: str) -> None:
    path = tmp_path / folder / "x.db"
    path.parent.mkdir()
    url = f"sqlite:///{quote(str(path))}"
    session.finish(session.create(url))
    assert [file.name for file in path.parent.iterdir()] == ["x.db"]
    with session.open_read_only(url).connect() as connection:
        assert connection.execute(select(Run)).all() == []


def test_a_relative_file_is_relative_to_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    session.finish(session.create("sqlite:///x.db"))
    assert (tmp_path / "x.db").exists()


def test_migrations_run_from_a_clone_with_a_space_and_a_percent_sign_in_its_path(tmp_path: Path) -> None:
    clone = tmp_path / "my clone 50%"
    shutil.copytree(PROJECT / "db", clone / "db", ignore=shutil.ignore_patterns("__pycache__"))
    code = "from db import session; session.finish(session.create('sqlite:///made.db')); print(session.__file__)"
    elsewhere = {**os.environ, "PYTHONPATH": str(clone)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=elsewhere, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(str(clone))
    session.open_read_only(f"sqlite:///{tmp_path}/made.db")


@contextmanager
def _unwritable(folder: Path) -> Iterator[None]:
    """Meanwhile the test's user may read the folder but not write there."""
    root = os.geteuid() == 0
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o555)
    if root:
        os.seteuid(65534)  # root may write anywhere
    try:
        with pytest.raises(PermissionError):
            (folder / "probe").touch()
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)


@pytest.fixture
def open_folder(example_file: Path) -> Iterator[Path]:
    """A folder, with a finished database, that every user may enter."""
    with tempfile.TemporaryDirectory() as name:
        shutil.copy(example_file, Path(name) / "x.db")
        yield Path(name)


def test_a_finished_file_is_read_in_an_unwritable_folder(open_folder: Path) -> None:
    with _unwritable(open_folder):
        assert len(Reader(session.open_read_only(f"sqlite:///{open_folder}/x.db")).classes.all()) == 3
    assert [file.name for file in open_folder.iterdir()] == ["x.db"]


def test_an_unfinished_file_in_an_unwritable_folder_names_the_remedy(open_folder: Path) -> None:
    url = f"sqlite:///{open_folder}/x.db"
    session.create(url).dispose()
    with _unwritable(open_folder), pytest.raises(UserError, match="`python -m db compact` fixes it"):
        session.open_read_only(url)
    (open_folder / "x.db").chmod(0o644)
    compact_database(url)
    with _unwritable(open_folder):
        session.open_read_only(url)


def test_writing_in_an_unwritable_folder_is_one_line(open_folder: Path) -> None:
    for name in ("x.db", "y.db"):
        with _unwritable(open_folder), pytest.raises(UserError, match=rf"/{name}: .*; may you read and write there\?"):
            session.create(f"sqlite:///{open_folder}/{name}")


def test_finishing_while_another_reads_loses_nothing(database_url: str) -> None:
    build(database_url)
    writing = session.create(database_url)
    reading = session.open_read_only(database_url)
    with reading.connect() as connection:
        connection.execute(select(Run)).all()
        session.finish(writing)
    reading.dispose()
    assert len(Reader(session.open_read_only(database_url)).runs.all()) == 1


def test_a_schema_that_is_half_made_is_never_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(engine: Engine) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(session, "_migrate", fail)
    with pytest.raises(KeyboardInterrupt):
        session.create(f"sqlite:///{tmp_path}/x.db")
    assert list(tmp_path.glob("x.db")) == []


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"x\.db: no such file; `python -m precompute run"):
        session.open_read_only(f"sqlite:///{tmp_path}/x.db")


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"the folder .*nowhere does not exist"):
        session.create(f"sqlite:///{tmp_path}/nowhere/x.db")


@pytest.mark.parametrize("opening", [session.create, session.open_read_only])
def test_folder_in_place_of_a_file(tmp_path: Path, opening: object) -> None:
    with pytest.raises(UserError, match="is a folder; name a file in it"):
        opening(f"sqlite:///{tmp_path}")  # type: ignore[operator]


@pytest.mark.parametrize("opening", [session.create, session.open_read_only])
def test_not_a_database(tmp_path: Path, opening: object) -> None:
    (tmp_path / "x.db").write_bytes(b"a photograph, say" * 100)
    with pytest.raises(UserError, match=r"x\.db: file is not a database; name another file"):
        opening(f"sqlite:///{tmp_path}/x.db")  # type: ignore[operator]


def test_another_programs_database(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute("CREATE TABLE invoices (id INTEGER)")
    with pytest.raises(UserError, match="no Shelf Lens schema"):
        session.open_read_only(f"sqlite:///{tmp_path}/x.db")
    with pytest.raises(UserError, match=r"holds other tables \(invoices"):
        session.create(f"sqlite:///{tmp_path}/x.db")


def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    (tmp_path / "x.db").touch()
    session.finish(session.create(f"sqlite:///{tmp_path}/x.db"))
    session.open_read_only(f"sqlite:///{tmp_path}/x.db")


@pytest.mark.parametrize("opening", [session.create, session.open_read_only, session.upgrade])
def test_newer_schema_is_refused_with_both_versions(engine_url: str, opening: object) -> None:
    _mark(session.create(engine_url), "9999")
    expected = f"schema version 9999 is newer than this program's {session.SCHEMA_VERSION}"
    with pytest.raises(UserError, match=expected):
        opening(engine_url)  # type: ignore[operator]


@pytest.mark.parametrize("opening", [session.create, session.open_read_only])
def test_older_schema_is_refused_with_the_remedy(database_url: str, opening: object) -> None:
    _mark(session.create(database_url), "0002")
    with pytest.raises(UserError, match=f"is older .*; run `python -m db check --upgrade --db {database_url}`"):
        opening(database_url)  # type: ignore[operator]


def test_upgrade_of_a_current_schema_changes_nothing(engine_url: str) -> None:
    build(engine_url)
    assert session.upgrade(engine_url) == (session.SCHEMA_VERSION, session.SCHEMA_VERSION)
    assert len(Reader(session.open_read_only(engine_url)).runs.all()) == 1


@pytest.mark.parametrize("opening", [session.create, session.open_read_only, session.upgrade])
def test_unreachable_server_is_one_line_without_the_password(opening: object) -> None:
    with pytest.raises(UserError, match="is the server up") as caught:
        opening("postgresql://me:hunter2@127.0.0.1:1/shelf")  # type: ignore[operator]
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.postgresql
def test_missing_server_database(postgresql_url: str) -> None:
    with pytest.raises(UserError, match=r'nosuch: .*database "nosuch" does not exist'):
        session.create(postgresql_url.rpartition("/")[0] + "/nosuch")


def test_a_connection_that_nobody_gave_back_is_closed_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As a signal leaves it that comes while the pool hands it out."""
    file, pool = tmp_path / "left.db", logging.getLogger("sqlalchemy.pool")
    engine = session.create(f"sqlite:///{file}")
    left = engine.execution_options(sqlite_begin="IMMEDIATE").connect()
    left.exec_driver_sql("SELECT count(*) FROM run").one()
    try:
        session.finish(engine)
        assert file.read_bytes()[18:20] == b"\x01\x01"
        assert [one.name for one in tmp_path.iterdir()] == ["left.db"]
        del left
        gc.collect()
        assert caplog.records == []
    finally:
        pool.setLevel(logging.NOTSET)
