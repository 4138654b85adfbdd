"""The migrations make the schema that the mappings describe, on both engines."""

from __future__ import annotations

from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, inspect

from db import session
from db.schema.base import Base
from db.schema.migrations import is_mapped, newest


def test_migrated_schema_equals_the_mappings(engine_url: str) -> None:
    options = {"include_object": lambda item, name, *reflected: is_mapped(name), "compare_type": True}
    with session.create(engine_url).connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []


def test_migrated_check_constraints_equal_the_mappings(database_url: str) -> None:
    mapped = create_engine("sqlite://")
    Base.metadata.create_all(mapped)
    assert _checks(session.create(database_url)) == _checks(mapped)
    assert any(_checks(mapped).values())


def test_the_version_that_readers_ask_for_is_the_newest_revision() -> None:
    assert newest() == session.SCHEMA_VERSION


def test_every_foreign_key_is_the_start_of_an_index(database_url: str) -> None:
    """Else a cascade scans the whole table."""
    inspector = inspect(session.create(database_url))
    for table in Base.metadata.tables:
        leading = {index["column_names"][0] for index in inspector.get_indexes(table)}
        leading |= {unique["column_names"][0] for unique in inspector.get_unique_constraints(table)}
        leading |= set(inspector.get_pk_constraint(table)["constrained_columns"][:1])
        for key in inspector.get_foreign_keys(table):
            assert key["constrained_columns"][0] in leading, (table, key["constrained_columns"])


@pytest.mark.parametrize(
    ("pragma", "value"), [("page_size", 8192), ("foreign_keys", 1), ("journal_mode", "wal"), ("busy_timeout", 30000)]
)
def test_sqlite_is_set_up_for_writing(database_url: str, pragma: str, value: object) -> None:
    with session.create(database_url).connect() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value


def _checks(engine: Engine) -> dict[str, list[Any]]:
    inspector = inspect(engine)
    return {
        table: sorted((check["name"], check["sqltext"]) for check in inspector.get_check_constraints(table))
        for table in Base.metadata.tables
    }
