"""The open run that stages work in, for tests that call them without the command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from db.write.dependents import Inputs
from db.write.writer import Writer
from precompute.context import RunContext, RunOptions
from precompute.provenance import INPUTS
from precompute.recipe import Recipe


def open_context(
    engine: Engine,
    dataset: Path,
    recipe: Recipe | None = None,
    *,
    run_id: int | None = None,
    inputs: Inputs = INPUTS,
    **options: Any,
) -> RunContext:
    """A context on an open database; `run_id` = a run that goes on, None = a new one.

    Args:
        inputs: by stage the stages that it is made from.
        options: those of RunOptions beside the data set and the recipe, by default with one worker.
    """
    writer = Writer(engine, inputs)
    if run_id is None:
        run_id = writer.start_run({}, "settings", 0, {}, str(dataset), "artifacts")
    writer.continue_run(run_id)
    given = {"url": str(engine.url), "artifacts": Path("artifacts"), "workers": 1, **options}
    return RunContext(RunOptions(dataset=dataset, recipe=recipe or Recipe(), **given), engine, writer, run_id)


Bars = list[tuple[int, int]]


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> Bars:
    """(done, total) of whatever progress bars of stages show, one after the other."""
    seen: Bars = []

    @contextmanager
    def recorded(title: str, unit: str) -> Iterator[Any]:
        yield lambda done, total, throughput="": seen.append((done, total))

    monkeypatch.setattr("precompute.engine.progress_bar", recorded)
    return seen
