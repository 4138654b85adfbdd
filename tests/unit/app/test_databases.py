"""Names of opened databases."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from app.databases import open_databases
from db.errors import UserError
from tests.example_database import build


def test_databases_are_named_after_their_files_and_numbered_where_alike(tmp_path: Path) -> None:
    urls = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        urls.append(f"sqlite:///{tmp_path / folder / 'demo.db'}")
        build(urls[-1])
    databases = open_databases([*urls, urls[0]])
    assert list(databases) == ["demo", "demo-2"]
    assert databases["demo-2"].shown == urls[1]


def test_a_database_keeps_its_key_however_its_path_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        build(f"sqlite:///{tmp_path / folder / 'demo.db'}")
        monkeypatch.chdir(tmp_path / folder)
        (relative,) = open_databases(["sqlite:///demo.db"]).values()
        (absolute,) = open_databases([f"sqlite:///{tmp_path / folder / 'demo.db'}"]).values()
        assert relative.key == absolute.key
        keys.append(relative.key)
    assert keys[0] != keys[1]


def test_a_file_that_was_replaced_is_read_anew(tmp_path: Path) -> None:
    file, other = tmp_path / "shown.db", tmp_path / "other.db"
    build(f"sqlite:///{file}")
    (database,) = open_databases([f"sqlite:///{file}"]).values()
    before, titles = database.version(), database.titles()
    shutil.copy2(file, other)
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("UPDATE category SET display_name = 'New'")
        connection.commit()
    times = file.stat()
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(file)
    assert database.version() != before
    assert set(database.titles().values()) == {"New"} != set(titles.values())


def test_missing_database_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        open_databases([f"sqlite:///{tmp_path / 'absent.db'}"])
