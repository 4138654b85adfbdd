"""python -m db as a user meets it: what it prints, its exit codes, and one line for every mistake."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from db.session import SCHEMA_VERSION, create, finish
from db.write.lease import hold
from tests.command_line import PROJECT, command, process
from tests.example_database import build

NEXT_VERSION = f"{int(SCHEMA_VERSION) + 1:04}"
COMMANDS = ("info", "check", "export", "search", "compact", "copy")


def _db(*arguments: object, cwd: Path = PROJECT) -> subprocess.CompletedProcess[str]:
    return command("db", *arguments, check=False, cwd=cwd)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('a b') / 'explanations.db'}"
    build(url)
    return url


def test_info_json_has_the_promised_figures(url: str) -> None:
    done = _db("info", "--db", url, "--json")
    figures = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert (figures["samples"], figures["classes"], figures["explanations"]) == (12, 3, 57)
    assert [(m["name"], m["kind"]) for m in figures["models"]] == [
        (name, name) for name in ("feature_concatenation", "score_fusion", "embracenet")
    ]
    assert all(0 < model["accuracy"] < 1 for model in figures["models"])
    assert figures["splits"] == {"test": 9, "train": 3}
    assert figures["schema_version"] == SCHEMA_VERSION
    assert figures["problems"][0]["line"] == 12
    assert figures["runs"][0]["finished_at"].endswith("Z")
    assert figures["size_bytes"] > 100_000


def test_info_of_the_default_file_for_a_person(tmp_path: Path) -> None:
    build(f"sqlite:///{tmp_path}/explanations.db")
    done = _db("info", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^samples +12 +9 test, 3 train$", done.stdout, re.MULTILINE)
    assert re.search(r"^score_fusion +0\.778 +1\.000 +19$", done.stdout, re.MULTILINE)
    assert "ingest: test/metadata.jsonl:12: not JSON" in done.stdout


def test_the_only_database_in_the_folder_is_meant(tmp_path: Path) -> None:
    missing = _db("info", cwd=tmp_path)
    assert (missing.returncode, len(missing.stderr.splitlines())) == (2, 1)
    assert "no Shelf Lens database in this folder; name one with --db, or make one with" in missing.stderr
    build(f"sqlite:///{tmp_path}/50% mine.db")
    assert _db("check", cwd=tmp_path).stdout == "ok\n"


def test_check_says_ok_and_one_line_a_fault(tmp_path: Path) -> None:
    build(f"sqlite:///{tmp_path}/explanations.db")
    assert _db("check", cwd=tmp_path).stdout == "ok\n"
    with sqlite3.connect(tmp_path / "explanations.db") as connection:
        connection.execute("UPDATE explanation SET probability = 2 WHERE id <= 2")
    done = _db("check", cwd=tmp_path)
    assert (done.returncode, len(done.stdout.splitlines())) == (1, 2)


def test_export_to_a_file_and_to_the_terminal(url: str, tmp_path: Path) -> None:
    terminal = _db("export", "explanations", "--db", url)
    file = _db("export", "explanations", "--db", url, "--format", "jsonl", "--out", str(tmp_path / "x.jsonl"))
    assert (file.returncode, file.stdout) == (0, "")
    assert (tmp_path / "x.jsonl").read_text(encoding="utf-8") == terminal.stdout
    assert len(terminal.stdout.splitlines()) == 57


def test_search_prints_path_class_and_text(url: str) -> None:
    done = _db("search", "MJÖLK", "--db", url, "--limit", "1")
    assert done.stdout == "test/Arla-Mjölk/x_000.jpg\tArla-Mjölk\tMJÖLK\n"


def test_compact_gives_space_back_and_keeps_the_content(tmp_path: Path) -> None:
    build(f"sqlite:///{tmp_path}/explanations.db", samples=12)
    with sqlite3.connect(tmp_path / "explanations.db") as connection:
        connection.execute("DELETE FROM picture WHERE kind = 'display'")
    before = _db("info", "--json", cwd=tmp_path).stdout
    done = _db("compact", cwd=tmp_path)
    sizes = [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", done.stdout)]
    assert sizes[0] > sizes[1] == (tmp_path / "explanations.db").stat().st_size
    after = _db("info", "--json", cwd=tmp_path).stdout
    assert {**json.loads(after), "size_bytes": 0} == {**json.loads(before), "size_bytes": 0}
    assert [file.name for file in tmp_path.iterdir()] == ["explanations.db"]


@pytest.mark.postgresql
def test_copy_to_postgresql_and_look_there(url: str, postgresql_url: str) -> None:
    done = _db("copy", "--db", url, "--to", postgresql_url)
    assert done.returncode == 0, done.stderr
    for words in (["check"], ["compact"], ["search", "mjolk"], ["export", "global", "--format", "csv"]):
        looked = _db(*words, "--db", postgresql_url)
        assert looked.returncode == 0, looked.stderr
    assert json.loads(_db("info", "--json", "--db", postgresql_url).stdout)["explanations"] == 57


@pytest.mark.parametrize(
    "arguments",
    [
        ["info", "--db", "sqlite:///nowhere.db"],
        ["info", "--db", "nonsense"],
        ["info", "--db", "postgresql://me:hunter2@127.0.0.1:1/shelf"],
        ["check", "--upgrade", "--db", "sqlite:///nowhere.db"],
        ["compact", "--db", "sqlite:///nowhere.db"],
        ["export", "explanations", "--db", "URL", "--out", "/nowhere/x.jsonl"],
        ["export", "explanations", "--db", "URL", "--out", "/"],
        ["export", "explanations", "--db", "URL", "--out", "FILE"],
        ["export", "explanations", "--db", "URL", "--format", "parquet"],
        ["export", "explanations", "--db", "URL", "--format", "xml"],
        ["export", "everything", "--db", "URL"],
        ["search", "--db", "URL"],
        ["search", "x", "--db", "URL", "--limit", "0"],
        ["copy", "--db", "URL"],
        ["copy", "--db", "URL", "--to", "URL"],
        ["copy", "--db", "URL", "--to", "mysql://me:hunter2@host/x"],
        ["frobnicate"],
        ["--frobnicate"],
        [],
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(url: str, arguments: list[str]) -> None:
    places = {"URL": url, "FILE": url.removeprefix("sqlite:///")}
    done = _db(*(places.get(argument, argument) for argument in arguments))
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("python -m db: ")
    assert "hunter2" not in done.stderr


def test_a_mistake_is_the_same_line_from_a_process() -> None:
    arguments = ["db", "info", "--db", "sqlite:///nowhere.db"]
    inside, outside = (one(*arguments, check=False) for one in (command, process))
    assert (outside.returncode, outside.stdout, outside.stderr) == (2, "", inside.stderr)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example_that_runs(name: str) -> None:
    shown = _db(name, "--help")
    assert shown.returncode == 0
    assert f"Example: python -m db {name}" in " ".join(shown.stdout.split())


def test_a_closed_pipe_is_quiet(url: str) -> None:
    pipe = f"'{sys.executable}' -m db export explanations --db '{url}' | head -c 10"
    done = subprocess.run(["bash", "-c", pipe], cwd=PROJECT, capture_output=True, text=True)
    assert (len(done.stdout), done.stderr) == (10, "")


@pytest.fixture
def next_version(tmp_path: Path) -> Path:
    """A clone of db/ with one more revision, as the next release would have it."""
    clone = tmp_path / "next release"
    shutil.copytree(PROJECT / "db", clone / "db", ignore=shutil.ignore_patterns("__pycache__"))
    (clone / "db" / "schema" / "migrations" / "versions" / f"{NEXT_VERSION}_note.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n"
        f"revision, down_revision, branch_labels, depends_on = '{NEXT_VERSION}', '{SCHEMA_VERSION}', None, None\n"
        "def upgrade():\n    op.add_column('run', sa.Column('note', sa.String()))\n"
    )
    session = clone / "db" / "session.py"
    session.write_text(session.read_text().replace(f'"{SCHEMA_VERSION}"', f'"{NEXT_VERSION}"'))
    return clone


def test_an_older_file_is_upgraded_and_a_newer_one_refused(engine_url: str, next_version: Path) -> None:
    build(engine_url)

    def in_next_release(*arguments: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "db", *arguments, "--db", engine_url]
        return subprocess.run(words, cwd=next_version, capture_output=True, text=True)

    assert in_next_release("info").returncode == 0  # what readers need is there
    refused = in_next_release("compact")
    assert refused.returncode == 2
    older = f"schema version {SCHEMA_VERSION} is older than this program's {NEXT_VERSION}"
    assert f"{older}; run `python -m db check --upgrade" in refused.stderr
    engine = create(engine_url)
    with hold(engine, "a run"):
        busy = in_next_release("check", "--upgrade")
        assert busy.returncode == 2
        assert "another run is at work on it: a run (pid" in busy.stderr
    finish(engine)
    upgraded = in_next_release("check", "--upgrade")
    assert upgraded.stdout == f"schema {SCHEMA_VERSION} upgraded to {NEXT_VERSION}\nok\n"
    assert in_next_release("compact").returncode == 0
    newer = _db("info", "--db", engine_url)
    assert newer.returncode == 2
    newest = f"schema version {NEXT_VERSION} is newer than this program's {SCHEMA_VERSION}"
    assert f"{newest}; update Shelf Lens" in newer.stderr
