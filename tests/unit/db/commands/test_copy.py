"""Moving between engines keeps every value and key, and new rows go on after them."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Row, select

from db import session
from db.commands.copy import TABLES, copy_database
from db.commands.export import EXPORTS
from db.errors import UserError
from db.read.reader import Reader
from db.records.written import ClassSamplesRecord, FinishedUnit
from db.write.writer import Writer
from tests.example_database import build


def _content(url: str) -> dict[str, list[Row[tuple[object, ...]]]]:
    with session.open_read_only(url).connect() as connection:
        return {
            table.name: [
                tuple(value.tobytes() if hasattr(value, "tobytes") else value for value in row)
                for row in connection.execute(select(table).order_by(*table.primary_key))
            ]
            for table in TABLES
        }


@pytest.mark.postgresql
def test_there_and_back_again(embedding_file: Path, postgresql_url: str, tmp_path: Path) -> None:
    here, back = f"sqlite:///{embedding_file}", f"sqlite:///{tmp_path}/back.db"
    count = copy_database(here, postgresql_url)
    assert copy_database(postgresql_url, back) == count
    original = _content(here)
    assert sum(map(len, original.values())) == count
    assert all(original.values()), "the example fills every table"
    assert _content(postgresql_url) == original
    assert _content(back) == original
    hits = Reader(session.open_read_only(back)).search.entries("before")
    assert {hit.text for hit in hits} == {"best before"}


@pytest.mark.postgresql
def test_new_rows_follow_the_copied_ones(small_database: str, postgresql_url: str) -> None:
    copy_database(small_database, postgresql_url)
    writer = Writer(session.create(postgresql_url))
    assert writer.start_run(settings={}, settings_hash="new", seed=0, versions={}, dataset="", artifacts="") == 2
    writer.store([FinishedUnit("ingest", "new", "test/new", [ClassSamplesRecord("test", "new", [], None)])])
    assert {view.label: view.id for view in Reader(session.open_read_only(postgresql_url)).classes.all()}["new"] == 4


def test_a_copy_to_the_same_engine_exports_the_same(small_database: str, tmp_path: Path) -> None:
    target = f"sqlite:///{tmp_path}/copy.db"
    copy_database(small_database, target)
    engines = [session.open_read_only(url) for url in (small_database, target)]
    first, second = [[str(record) for record in EXPORTS["explanations"].records(engine)] for engine in engines]
    assert first == second


def test_a_filled_target_and_the_source_itself_are_refused(small_database: str, tmp_path: Path) -> None:
    other = f"sqlite:///{tmp_path}/other.db"
    build(other)
    with pytest.raises(UserError, match="holds results already; name a new database with --to"):
        copy_database(small_database, other)
    with pytest.raises(UserError, match="is the source itself"):
        copy_database(small_database, small_database)
