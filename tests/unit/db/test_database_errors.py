"""What disks, files and servers do to a database is one line: the place, the reason, the remedy; never a password."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, make_url, select, text
from sqlalchemy.exc import DBAPIError

from db import address, engines, session
from db.commands.compact import compact_database
from db.commands.copy import copy_database
from db.database_errors import explained_error
from db.errors import UserError
from db.schema.tables import Run
from db.write.writer import Writer
from tests import postgresql_server
from tests.conftest import PROJECT


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode:
        pytest.skip("needs the right to mount a small file system")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def _fill(place: Path) -> None:
    with (place / "filling").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


def _write(engine: Engine) -> None:
    writer = Writer(engine)
    writer.start_run({"x": "x" * 1_000_000}, "h", 0, {}, "", "")


def _line(write: Callable[[], object]) -> str:
    """What is told of an error that an engine raises."""
    with pytest.raises(DBAPIError) as caught:
        write()
    line = str(explained_error(caught.value))
    assert "\n" not in line
    return line


def test_a_full_disk(small_disk: Path) -> None:
    url = f"sqlite:///{small_disk}/x.db"
    engine = session.create(url)
    _fill(small_disk)
    line = _line(lambda: _write(engine))
    assert line.startswith(f"{url}: database or disk is full; free some space and run the same command again")
    (small_disk / "filling").unlink()
    _write(engine)
    session.finish(engine)
    with session.open_read_only(url).connect() as connection:
        assert len(connection.execute(select(Run.id)).all()) == 1


def test_a_disk_too_full_for_a_new_database_keeps_no_part_of_it(small_disk: Path) -> None:
    _fill(small_disk)
    with pytest.raises(UserError, match=r"x\.db: (database or disk is full|disk I/O error|unable to open)"):
        session.create(f"sqlite:///{small_disk}/x.db")
    assert [file.name for file in small_disk.iterdir()] == ["filling"]


def test_a_command_on_a_full_disk_ends_in_one_line(small_disk: Path, example_file: Path) -> None:
    target = f"sqlite:///{small_disk}/x.db"
    session.finish(session.create(target))
    _fill(small_disk)
    command = [sys.executable, "-m", "db", "copy", "--db", f"sqlite:///{example_file}", "--to", target]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith(f"python -m db: {target}: ")


def test_a_disk_that_may_only_be_read(small_disk: Path) -> None:
    url = f"sqlite:///{small_disk}/x.db"
    session.finish(session.create(url))
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for write in (session.create, compact_database):
        with pytest.raises(UserError, match=r"x\.db: .*; may you read and write there\?$"):
            write(url)
    with session.open_read_only(url).connect() as connection:
        assert connection.execute(select(Run.id)).all() == []


def test_a_damaged_file(tmp_path: Path, example_file: Path) -> None:
    path, url = tmp_path / "x.db", f"sqlite:///{tmp_path}/x.db"
    content = bytearray(example_file.read_bytes())
    with sqlite3.connect(example_file) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ocr_entry'").fetchone()
    content[engines.PAGE_SIZE * (page - 1) : engines.PAGE_SIZE * page] = b"?" * engines.PAGE_SIZE
    path.write_bytes(content)
    expected = f"{url}: database disk image is malformed; the file is damaged: restore a copy of it, or name a new file"
    engine = session.open_read_only(url)
    assert _line(lambda: engine.connect().execute(text("SELECT * FROM ocr_entry")).all()).startswith(expected)
    assert _line(lambda: copy_database(url, f"sqlite:///{tmp_path}/y.db")).startswith(expected)
    with pytest.raises(UserError, match="the file is damaged"):
        compact_database(url)


def test_a_locked_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "BUSY_SECONDS", 0)
    url = f"sqlite:///{tmp_path}/x.db"
    engine = session.create(url)
    with sqlite3.connect(tmp_path / "x.db", isolation_level=None) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        line = _line(lambda: _write(engine))
    assert line == f"{url}: database is locked; another program is at work on it: wait for it or stop it"


@pytest.mark.postgresql
def test_a_lost_connection(postgresql_url: str) -> None:
    url = make_url(postgresql_url).set(password="hunter2").render_as_string(hide_password=False)
    engine = session.create(url)
    connection = engine.connect()
    _end_all_connections(postgresql_url)
    line = _line(lambda: connection.execute(select(Run.id)))
    assert line.startswith(address.shown(url))
    assert "the connection was lost: when the server is up, run the same command again" in line
    assert "hunter2" not in line
    with engine.connect() as again:
        assert again.execute(select(Run.id)).all() == []


def _end_all_connections(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.mark.postgresql
def test_a_server_that_takes_no_changes(postgresql_url: str) -> None:
    name = make_url(postgresql_url).database
    session.create(postgresql_url).dispose()
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    engine = session.create(postgresql_url)
    assert "; the server takes no changes: name its primary" in _line(lambda: _write(engine))


@contextmanager
def _encoded(server_url: str, encoding: str) -> Iterator[str]:
    with postgresql_server.new_database(server_url) as url:
        name = make_url(url).database
        with psycopg.connect(server_url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name}")
            connection.execute(
                f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
            )
        yield url


@pytest.mark.postgresql
@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
@pytest.mark.parametrize("opening", [session.create, session.open_read_only, session.upgrade])
def test_another_encoding_is_refused(postgresql_server_url: str, encoding: str, opening: object) -> None:
    expected = f"its encoding is {encoding}, and texts need UTF8; make a database with `createdb --encoding=UTF8"
    with _encoded(postgresql_server_url, encoding) as url, pytest.raises(UserError, match=expected):
        opening(url)  # type: ignore[operator]


def test_a_password_in_what_the_driver_says_is_not_shown() -> None:
    url = address.parse("postgresql://me:hunt%2Fer2@host/shelf?sslpassword=secret7")
    line = str(explained_error(sqlite3.Error("tried hunt/er2 and secret7"), url))
    assert line == "postgresql+psycopg://me:***@host/shelf: tried *** and ***"


def test_a_file_of_no_engine() -> None:
    assert str(explained_error(PermissionError(13, "Permission denied", b"x"))) == "x: Permission denied"
    full = OSError(28, "No space left on device", "/tmp/x")
    assert str(explained_error(full)).startswith("/tmp/x: No space left on device; free some space")


def test_copies_of_engines_know_their_place_too(tmp_path: Path, example_file: Path) -> None:
    shutil.copy(example_file, tmp_path / "x.db")
    engine = session.create(f"sqlite:///{tmp_path}/x.db").execution_options(sqlite_begin="IMMEDIATE")
    assert _line(lambda: engine.connect().execute(text("SELECT nothing"))).startswith(f"sqlite:///{tmp_path}/x.db: ")
