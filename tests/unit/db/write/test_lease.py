"""One writer at a time: who gets a database, who waits, who is taken over from."""

from __future__ import annotations

import contextlib
import datetime
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event, select, text, update

from db import session
from db.commands.compact import compact_database
from db.commands.copy import copy_database
from db.errors import UserError
from db.schema.tables import LeaseRow
from db.write import holder, lease
from db.write.lease import Lease, hold
from tests.conftest import PROJECT
from tests.example_database import build

pytestmark = pytest.mark.slow

HOLD = """
import sys
from db import session
from db.errors import UserError
from db.write.lease import hold
engine = session.create(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
try:
    with hold(engine, "python -m precompute run"):
        print("held", flush=True)
        sys.stdin.readline()
except UserError as error:
    print(error, flush=True)
"""


class _Other:
    """Another process, that holds a database once it is told to."""

    def __init__(self, url: str) -> None:
        command = [sys.executable, "-c", HOLD, url]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, cwd=PROJECT, **pipes)
        assert self.line() == "ready"

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def go_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()


@contextmanager
def _another(url: str, hold_it: bool = True) -> Iterator[_Other]:
    other = _Other(url)
    try:
        if hold_it:
            other.go_on()
            assert other.line() == "held"
        yield other
    finally:
        other.process.kill()
        other.process.communicate()


def _rows(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(select(LeaseRow.token, LeaseRow.command, LeaseRow.heartbeat_at)))


def _change(engine: Engine, **values: object) -> None:
    with engine.begin() as connection:
        connection.execute(update(LeaseRow).values(**values))


@contextmanager
def _left_behind(engine: Engine, **values: object) -> Iterator[None]:
    """The row of a holder that did not give the database back."""
    with hold(engine, "python -m precompute run"):
        _change(engine, token="theirs", **values)
    yield


def test_it_is_given_back_at_the_end_and_after_an_error(engine_url: str) -> None:
    engine = session.create(engine_url)
    with contextlib.suppress(ZeroDivisionError), hold(engine, "first\ncommand"):
        assert [row.command for row in _rows(engine)] == ["first command"]
        raise ZeroDivisionError
    assert _rows(engine) == []
    with hold(engine, "second"):
        pass


def test_another_living_run_is_named(engine_url: str) -> None:
    engine = session.create(engine_url)
    with _another(engine_url) as other:
        expected = (
            rf"another run is at work on it: python -m precompute run \(pid {other.process.pid} on .*,"
            r" since 20..-..-.. ..:.. UTC\); wait for it with --wait, or stop it"
        )
        with pytest.raises(UserError, match=expected), hold(engine, "x"):
            pass
        other.go_on()
        other.process.wait()
    with hold(engine, "x"):
        pass


def test_who_waits_says_so_once_and_goes_on_when_it_is_free(engine_url: str) -> None:
    engine = session.create(engine_url)
    said: list[str] = []
    with _another(engine_url) as other:
        threading.Timer(1.2, other.go_on).start()
        with hold(engine, "x", wait=True, say=said.append):
            assert [row.command for row in _rows(engine)] == ["x"]
    assert len(said) == 1
    assert "waiting for another run: python -m precompute run (pid" in said[0]


def test_of_threads_at_the_same_instant_one_wins(engine_url: str) -> None:
    engine = session.create(engine_url)
    start, finish = threading.Barrier(6), threading.Barrier(6)
    won: list[int] = []

    def take(number: int) -> None:
        start.wait()
        try:
            with hold(engine, str(number)):
                won.append(number)
                finish.wait()
        except UserError:
            finish.wait()

    for _ in range(3):
        won.clear()
        threads = [threading.Thread(target=take, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1


def test_of_processes_at_the_same_instant_one_wins(engine_url: str) -> None:
    with contextlib.ExitStack() as stack:
        others = [stack.enter_context(_another(engine_url, hold_it=False)) for _ in range(3)]
        for other in others:
            other.go_on()
        lines = [other.line() for other in others]
        assert lines.count("held") == 1
        assert sum("another run is at work on it" in line for line in lines) == 2


@pytest.mark.parametrize("reaped", [False, True], ids=["zombie", "gone"])
def test_a_killed_holder_is_taken_over_from(engine_url: str, reaped: bool) -> None:
    engine = session.create(engine_url)
    said: list[str] = []
    with _another(engine_url) as other:
        other.process.kill()
        if reaped:
            other.process.wait()
        else:
            os.waitid(os.P_PID, other.process.pid, os.WEXITED | os.WNOWAIT)  # dead, its exit code not yet asked for
        with hold(engine, "x", say=said.append) as ours, engine.connect() as connection:
            ours.check(connection)
    (line,) = said
    assert f"the run of pid {other.process.pid} on " in line
    assert line.endswith("ended without a word; going on from its database")


def test_a_stopped_holder_lives_however_old_its_heartbeat(engine_url: str) -> None:
    engine = session.create(engine_url)
    with _another(engine_url) as other:
        other.process.send_signal(signal.SIGSTOP)
        _change(engine, heartbeat_at=datetime.datetime(2001, 1, 1))
        with pytest.raises(UserError, match="another run is at work"), hold(engine, "x"):
            pass


def test_another_process_with_the_number_of_a_dead_one_does_not_hold(engine_url: str) -> None:
    engine = session.create(engine_url)
    place = holder.this_process().mark.rpartition("/")[0]
    with _left_behind(engine, process=f"{place}/1"), hold(engine, "x", say=lambda line: None):
        pass


@pytest.mark.parametrize("elsewhere", [{"host": "elsewhere"}, {"process": "boot/pid:[1]/1"}], ids=["host", "container"])
def test_of_a_holder_elsewhere_the_heartbeat_tells(engine_url: str, elsewhere: dict[str, str]) -> None:
    engine = session.create(engine_url)
    with _left_behind(engine, pid=1, **elsewhere):
        with pytest.raises(UserError, match="another run is at work"), hold(engine, "x"):
            pass
        (row,) = _rows(engine)
        _change(engine, heartbeat_at=row.heartbeat_at - datetime.timedelta(seconds=55))
        with pytest.raises(UserError, match="another run is at work"), hold(engine, "x"):
            pass
        _change(engine, heartbeat_at=row.heartbeat_at - datetime.timedelta(seconds=61))
        with hold(engine, "x", say=lambda line: None):
            pass


def test_who_was_taken_over_from_is_told_and_leaves_the_row_alone(engine_url: str) -> None:
    engine = session.create(engine_url)
    with hold(engine, "x") as ours:
        with engine.execution_options(sqlite_begin="IMMEDIATE").begin() as connection:
            ours.check(connection)
        _change(engine, token="theirs")
        refused = pytest.raises(UserError, match="took this database over while this one was stopped")
        with refused, engine.connect() as connection:
            ours.check(connection)
    assert [row.token for row in _rows(engine)] == ["theirs"]


def test_the_heart_goes_on_beating_after_a_failure(engine_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "HEARTBEAT_SECONDS", 0.05)
    engine = session.create(engine_url)
    failures: list[object] = []
    event.listen(engine, "handle_error", failures.append)
    with hold(engine, "x"):
        with engine.execution_options(sqlite_begin="IMMEDIATE").begin() as connection:
            connection.execute(text("ALTER TABLE lease RENAME TO hidden"))
        _wait_until(lambda: bool(failures))
        with engine.execution_options(sqlite_begin="IMMEDIATE").begin() as connection:
            connection.execute(text("ALTER TABLE hidden RENAME TO lease"))
        (first,) = _rows(engine)
        _wait_until(lambda: _rows(engine)[0].heartbeat_at > first.heartbeat_at)


def _wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.postgresql
def test_nobody_takes_over_within_a_transaction_that_has_checked(postgresql_url: str) -> None:
    engine = session.create(postgresql_url)
    ours = Lease("theirs", "")
    stale = datetime.datetime(2001, 1, 1)
    with _left_behind(engine, host="elsewhere", heartbeat_at=stale):
        with engine.begin() as connection:
            ours.check(connection)
            _change(engine, heartbeat_at=stale)  # as the heart does: it does not wait
            with pytest.raises(UserError, match="another run is at work"), hold(engine, "x"):
                pass
        with hold(engine, "x", say=lambda line: None):
            pass


def test_upkeep_does_not_get_in_the_way_of_a_run(engine_url: str, example_file: Any, tmp_path: Any) -> None:
    build(engine_url)
    empty = f"sqlite:///{tmp_path}/empty.db"
    engines = [session.create(url) for url in (engine_url, empty)]
    with hold(engines[0], "a run"), hold(engines[1], "a run"):
        for write in (lambda: compact_database(engine_url), lambda: copy_database(f"sqlite:///{example_file}", empty)):
            with pytest.raises(UserError, match="another run is at work on it: a run"):
                write()
    compact_database(engine_url)
    copy_database(f"sqlite:///{example_file}", empty)


def test_a_file_that_was_held_is_one_file_in_the_end(tmp_path: Any) -> None:
    engine = session.create(f"sqlite:///{tmp_path}/x.db")
    with hold(engine, "x"):
        pass
    session.finish(engine)
    assert [file.name for file in tmp_path.iterdir()] == ["x.db"]
    assert (tmp_path / "x.db").read_bytes()[18:20] == b"\1\1", "not in WAL mode"
