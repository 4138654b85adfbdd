"""A stage that stores ten times a number for each letter, to see what the engine does with it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from db.records.written import EvaluationRecord
from db.schema.tables import Evaluation, WorkUnit
from precompute.context import RunContext
from precompute.engine import Report, Stage, Task, run_stage
from tests.run_context import open_context

LATER = {"later": ("toy",), "last": ("later",)}


@dataclass
class Toy:
    """A stage that stores ten times a number for each letter, and what it was asked for.

    Attributes:
        numbers: by letter; the tasks.
        failing: errors that the work raises, by letter.
        done: letters that were worked at, one after the other.
    """

    engine: Engine
    numbers: dict[str, Any] = field(default_factory=lambda: {"a": 1, "b": 2, "c": 3, "d": 4})
    failing: dict[str, Exception] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    name: str = "toy"

    def stage(self, **changes: Any) -> Stage:
        return replace(
            Stage(
                name=self.name,
                settings=["settings"],
                inputs=(),
                tasks=lambda context: (Task(key, number, (key, number)) for key, number in self.numbers.items()),
                work=self._work,
                rows=stored,
            ),
            **changes,
        )

    def _work(self, _: None, payload: tuple[str, int]) -> int:
        key, number = payload
        self.done.append(key)
        if key in self.failing:
            raise self.failing[key]
        return 10 * number

    def context(self, **options: Any) -> RunContext:
        return open_context(self.engine, Path("data"), inputs=LATER, **options)

    def run(self, retry_failed: bool = False, **changes: Any) -> Report:
        self.done.clear()
        report = run_stage(self.context(retry_failed=retry_failed), self.stage(**changes))
        return replace(report, seconds=0.0)

    def figures(self) -> dict[str, Any]:
        return figures(self.engine, self.name)

    def units(self) -> dict[str, tuple[str, str | None]]:
        """Status and message by letter; a message without the line of the test that raised it."""
        query = select(WorkUnit.key, WorkUnit.status, WorkUnit.message).where(WorkUnit.stage == self.name)
        with Session(self.engine) as session:
            return {
                key: (status, message and re.sub(r" \(\w+\.py, line \d+, in \w+\)$", "", message))
                for key, status, message in session.execute(query)
            }


def stored(task: Task, answers: Sequence[Any]) -> list[EvaluationRecord]:
    """One row: the only answer, or all answers where there are several."""
    figure = answers[0] if len(answers) == 1 else list(answers)
    return [EvaluationRecord(kind="toy", figures={"value": figure}, model=task.model, sample=task.sample)]


def figures(engine: Engine, stage: str) -> dict[str, Any]:
    """Values of a stage's rows by the key of their unit; each has one."""
    query = select(WorkUnit.key, Evaluation.figures).join(Evaluation, Evaluation.unit_id == WorkUnit.id)
    with Session(engine) as session:
        rows = session.execute(query.where(WorkUnit.stage == stage)).all()
    assert len({key for key, _ in rows}) == len(rows)
    return {key: found["value"] for key, found in rows}


@pytest.fixture
def toy(ingestion: Any) -> Toy:
    """On an empty SQLite database."""
    return Toy(ingestion.engine)


ALL = {"a": 10, "b": 20, "c": 30, "d": 40}
