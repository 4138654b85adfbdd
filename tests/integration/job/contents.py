"""What a job stored, in the forms in which tests compare it."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from tests.command_line import command

Explanations = dict[tuple[str, str, str], dict[str, Any]]
"""Exported records by (model, sample, target)."""


def explanations(url: str) -> Explanations:
    lines = command("db", "export", "explanations", "--format", "jsonl", "--db", url).stdout.splitlines()
    rows = [json.loads(line) for line in lines]
    return {(row["model"], row["sample"], row["target"]): row for row in rows}


def info(url: str) -> Any:
    return json.loads(command("db", "info", "--json", "--db", url).stdout)


def contents(url: str) -> dict[str, list[tuple[object, ...]]]:
    """All finished results, with their keys: of the same run or of a copy that lost nothing."""
    tables = ("model", "sample", "prediction", "explanation", "global_group", "global_member", "evaluation")
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        found = {name: connection.execute(f"SELECT * FROM {name} ORDER BY 1, 2, 3").fetchall() for name in tables}
        marks = "SELECT stage, key, settings_hash, status, finished_at FROM work_unit ORDER BY id"
        return {**found, "work_unit": connection.execute(marks).fetchall()}


def refused(*arguments: object) -> str:
    """The one line of a command that would remove finished results, and does not."""
    answer = command("precompute", *arguments, check=False)
    assert answer.returncode == 2
    (line,) = answer.stderr.strip().splitlines()
    assert "--replace" in line
    return line
