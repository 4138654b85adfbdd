"""Moving a database to another engine."""

from __future__ import annotations

from itertools import islice
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select

from db import address
from db.errors import UserError
from db.schema.base import Base
from db.schema.tables import LeaseRow, Run
from db.session import SCHEMA_VERSION, create, finish, open_read_only
from db.write.lease import Lease, hold

TABLES = [table for table in Base.metadata.sorted_tables if table is not LeaseRow.__table__]
_CHUNK = 200  # rows in one insert; with pictures some MB


def copy_database(source_url: str, target_url: str, wait: bool = False) -> int:
    """Copy all rows with their keys into a new database, in one transaction; returns how many.

    Raises:
        UserError: as `db.session.open_read_only` and `create`, an older source, a target that holds results already,
            or, without `wait`, one that another program is writing to.
    """
    source = open_read_only(source_url, oldest=SCHEMA_VERSION)
    if address.parse(source_url) == address.parse(target_url):
        raise UserError(f"{address.shown(target_url)}: is the source itself; name another database with --to")
    target = create(target_url)
    try:
        with hold(target, "python -m db copy", wait) as lease:
            return _copy_rows(source, target, lease)
    finally:
        finish(target)
        source.dispose()


def _copy_rows(source: Engine, target: Engine, lease: Lease) -> int:
    rows = 0
    with source.connect() as reading, target.execution_options(sqlite_begin="IMMEDIATE").begin() as writing:
        lease.check(writing)
        if writing.scalar(select(func.count()).select_from(Run)):
            raise UserError(f"{address.shown(target.url)}: holds results already; name a new database with --to")
        for table in TABLES:
            found = reading.execute(select(table).execution_options(yield_per=_CHUNK)).mappings()
            while chunk := [dict(row) for row in islice(found, _CHUNK)]:
                writing.execute(insert(table), chunk)
                rows += len(chunk)
        if writing.dialect.name == "postgresql":
            _advance_sequences(writing)
    return rows


def _advance_sequences(connection: Connection) -> None:
    """Let new rows get keys after the copied ones."""
    for table in TABLES:
        if "id" in table.c:
            highest = connection.scalar(select(func.max(table.c.id)))
            if highest is not None:
                sequence: Any = func.pg_get_serial_sequence(table.name, "id")
                connection.execute(select(func.setval(sequence, highest)))
