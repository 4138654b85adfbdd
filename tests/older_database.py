"""A database as the version before this one left it."""

from __future__ import annotations

from sqlalchemy import text

from db import session


def make_older(url: str) -> None:
    """Take from a current database what schema 0004 added."""
    engine = session.create(url)
    with engine.begin() as connection:
        for statement in (
            "DROP TABLE lease",
            "ALTER TABLE work_unit DROP COLUMN records",
            "ALTER TABLE work_unit DROP COLUMN settings",
            "UPDATE alembic_version SET version_num = '0003'",
        ):
            connection.execute(text(statement))
    session.finish(engine)
