"""One writer at a time: a row in the database names the process that writes, and a heartbeat keeps it."""

from __future__ import annotations

import contextlib
import datetime
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from db import address, interruption
from db.errors import UserError
from db.schema.tables import LeaseRow
from db.values import storable
from db.write.holder import Holder, Process, this_process

HEARTBEAT_SECONDS = 15.0
POLL_SECONDS = 0.5
REMIND_SECONDS = 60.0
_ROW = select(
    LeaseRow.token,
    LeaseRow.host,
    LeaseRow.process,
    LeaseRow.pid,
    LeaseRow.command,
    LeaseRow.acquired_at,
    LeaseRow.heartbeat_at,
)

Say = Callable[[str], None]


@dataclass(frozen=True)
class Lease:
    """The right to write to one database; `shown` = its address for messages."""

    token: str
    shown: str

    def check(self, connection: Connection | Session) -> None:
        """Check, within a transaction that writes, that this lease still holds; nobody takes it over meanwhile.

        In SQLite the transaction has to begin as a writer (`sqlite_begin="IMMEDIATE"`).

        Raises:
            UserError: another run took it over.
        """
        # KEY SHARE: a taker-over waits for the transaction's end, the heartbeat does not
        query = select(LeaseRow.token).with_for_update(read=True, key_share=True)
        if connection.scalar(query) != self.token:
            raise UserError(
                f"{self.shown}: another run took this database over while this one was stopped; run the command again"
            )


def to_stderr(line: str) -> None:
    """Print a line to stderr."""
    print(line, file=sys.stderr, flush=True)


@contextmanager
def hold(engine: Engine, command: str, wait: bool = False, say: Say = to_stderr) -> Iterator[Lease]:
    """Acquire the lease on a database, and release it at the end, whatever happens.

    It is not re-entrant. `db.session.finish` comes after it: releasing opens the file again.

    Args:
        engine: as `db.session.create` opens it.
        command: what is run, for those who have to wait.
        wait: for another holder's end, in place of an error.
        say: takes one line when another one is waited for, or has died and is taken over from.

    Raises:
        UserError: another one holds the database, and `wait` is not set.
    """
    lease = Lease(uuid.uuid4().hex, address.shown(engine.url))
    writing = engine.execution_options(sqlite_begin="IMMEDIATE")
    _acquire(writing, lease, command, wait, say)
    ended = threading.Event()
    heart = threading.Thread(target=_beat, args=(writing, lease, ended), daemon=True, name="lease")
    heart.start()
    try:
        yield lease
    finally:
        with interruption.deferred():
            ended.set()
            heart.join(timeout=HEARTBEAT_SECONDS)
            with contextlib.suppress(SQLAlchemyError):  # the end of the process tells the next one as well
                _release(writing, lease)


def _acquire(engine: Engine, lease: Lease, command: str, wait: bool, say: Say) -> None:
    reminded = -REMIND_SECONDS
    while (holder := _try(engine, lease, command, say)) is not None:
        if not wait:
            raise UserError(
                f"{lease.shown}: another run is at work on it: {holder}; wait for it with --wait, or stop it"
            )
        if time.monotonic() - reminded >= REMIND_SECONDS:
            reminded = time.monotonic()
            say(f"{lease.shown}: waiting for another run: {holder}")
        time.sleep(POLL_SECONDS)


def _try(engine: Engine, lease: Lease, command: str, say: Say) -> Holder | None:
    """Take the lease, or return who lives and holds it."""
    while True:
        with engine.execution_options(sqlite_begin="DEFERRED").connect() as connection:
            seen = _holder(connection)
            if seen is not None and not seen.is_dead(_now(connection)):
                return seen  # without a lock: who waits must not get in the way of who writes
        try:
            with engine.begin() as connection:
                return _take(connection, lease, command, say)
        except IntegrityError:  # another one put its row there at the same instant: look again
            continue
        except DBAPIError as error:
            if seen is None or not _is_lock(error):
                raise
            return seen  # it has died for all we see, but a transaction of it goes on


def _take(connection: Connection, lease: Lease, command: str, say: Say) -> Holder | None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL lock_timeout = '2s'"))
    holder, now = _holder(connection, lock=True), _now(connection)
    row = _values(lease, command, now)
    if holder is None:
        connection.execute(insert(LeaseRow).values(id=1, **row))
        return None
    if not holder.is_dead(now):
        return holder
    connection.execute(update(LeaseRow).values(**row))
    where = f"the run of pid {holder.process.pid} on {holder.process.host}"
    say(f"{lease.shown}: {where} ended without a word; going on from its database")
    return None


def _values(lease: Lease, command: str, now: datetime.datetime) -> dict[str, Any]:
    process = this_process()
    return {
        "token": lease.token,
        "host": process.host,
        "process": process.mark,
        "pid": process.pid,
        "command": storable(" ".join(command.split())),
        "acquired_at": now,
        "heartbeat_at": now,
    }


def _holder(connection: Connection, lock: bool = False) -> Holder | None:
    row = connection.execute(_ROW.with_for_update() if lock else _ROW).first()
    if row is None:
        return None
    process = Process(row.host, row.process, row.pid)
    return Holder(row.token, process, row.command, row.acquired_at, row.heartbeat_at)


def _beat(engine: Engine, lease: Lease, ended: threading.Event) -> None:
    """Renew the heartbeat until the end; one that fails (a full disk, a long transaction) is left to the next."""
    while not ended.wait(HEARTBEAT_SECONDS):
        with contextlib.suppress(SQLAlchemyError), engine.begin() as connection:
            ours = update(LeaseRow).where(LeaseRow.token == lease.token)
            connection.execute(ours.values(heartbeat_at=_now(connection)))


def _release(engine: Engine, lease: Lease) -> None:
    with engine.begin() as connection:
        connection.execute(delete(LeaseRow).where(LeaseRow.token == lease.token))


def _now(connection: Connection) -> datetime.datetime:
    """UTC by the one clock that all who share the database see: a server's own, else that of the machine."""
    if connection.dialect.name == "postgresql":
        found: datetime.datetime = connection.execute(select(func.timezone("UTC", func.clock_timestamp()))).scalar_one()
        return found
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)


def _is_lock(error: DBAPIError) -> bool:
    return "locked" in str(error.orig) or getattr(error.orig, "sqlstate", None) == "55P03"
