"""Moving a database to another engine."""

from __future__ import annotations

from itertools import islice
from typing import Any

from sqlalchemy import Connection, func, insert, select

from db import address
from db.errors import UserError
from db.session import create, finish, open_read_only
from db.tables import Base, Run

_CHUNK = 200  # rows in one insert; with pictures some MB


def copy(source_url: str, target_url: str) -> int:
    """Copy all rows with their keys into a new database, in one transaction; returns how many.

    Raises:
        UserError: as `db.session.open_read_only` and `create`, or the target holds results already.
    """
    source = open_read_only(source_url)
    if address.parse(source_url) == address.parse(target_url):
        raise UserError(f"{address.shown(target_url)}: is the source itself; name another database with --to")
    target = create(target_url)
    rows = 0
    with source.connect() as reading, target.begin() as writing:
        if writing.scalar(select(func.count()).select_from(Run)):
            raise UserError(f"{address.shown(target_url)}: holds results already; name a new database with --to")
        for table in Base.metadata.sorted_tables:
            found = reading.execute(select(table).execution_options(yield_per=_CHUNK)).mappings()
            while chunk := [dict(row) for row in islice(found, _CHUNK)]:
                writing.execute(insert(table), chunk)
                rows += len(chunk)
        if writing.dialect.name == "postgresql":
            _advance_sequences(writing)
    finish(target)
    source.dispose()
    return rows


def _advance_sequences(connection: Connection) -> None:
    """Let new rows get keys after the copied ones."""
    for table in Base.metadata.sorted_tables:
        if "id" in table.c:
            highest = connection.scalar(select(func.max(table.c.id)))
            if highest is not None:
                sequence: Any = func.pg_get_serial_sequence(table.name, "id")
                connection.execute(select(func.setval(sequence, highest)))
