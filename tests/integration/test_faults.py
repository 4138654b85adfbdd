"""Faults at random instants of the offline job, as `python -m tests.benchmarks.faults` commits them by the hundred."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import postgresql_server
from tests.benchmarks.faults.__main__ import campaign, commands, prepare, run
from tests.benchmarks.faults.job import WARM
from tests.benchmarks.faults.truth import References

SQLITE = ("kill", "SIGINT", "folder away for a while", "SIGTERM", "two runs", "checkpoint damaged")
POSTGRESQL = ("SIGTERM", "kill", "picture edited for a while", "two runs", "input edited", "kill")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("faults")
    prepare(root, quick=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(WARM, "1")  # the same processes, but forked from one that has imported everything
        yield root
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="module")
def references(folder: Path) -> References:
    return References(folder / "references", commands(quick=True))


def test_a_sqlite_database_survives_faults_and_ends_as_without(folder: Path, references: References) -> None:
    one = campaign(folder, f"sqlite:///{folder / 'faults.db'}", 0, references, quick=True)
    tally = run(one, SQLITE)
    assert tally.failed == 0, one.steps
    assert sum(tally.by_kind.values()) == len(SQLITE)
    assert tally.comparisons >= 1


@pytest.mark.postgresql
def test_a_postgresql_database_survives_faults_and_ends_as_without(
    folder: Path, references: References, postgresql_server_url: str
) -> None:
    with postgresql_server.new_database(postgresql_server_url) as url:
        one = campaign(folder, url, 1, references, quick=True)
        tally = run(one, POSTGRESQL)
    assert tally.failed == 0, one.steps
    assert sum(tally.by_kind.values()) == len(POSTGRESQL)
    assert tally.comparisons >= 1
