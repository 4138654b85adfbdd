"""The engine on toy stages: what is computed, kept, removed and tried again, on a real database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db import session
from db.read.reader import Reader
from db.schema.tables import Evaluation, WorkUnit
from precompute.context import RunContext
from precompute.engine import Report, Task, run_stage
from precompute.executors import FixedState
from tests.toy_stage import ALL, Toy


def test_what_is_done_is_not_done_again(toy: Toy) -> None:
    assert toy.run() == Report(tasks=4, kept=0, done=4, failed=0)
    assert toy.done == ["a", "b", "c", "d"]
    assert toy.figures() == ALL
    assert toy.run() == Report(tasks=4, kept=4, done=0, failed=0)
    assert toy.done == []
    assert toy.figures() == ALL


def test_a_run_that_was_cut_off_goes_on_where_it_was(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    class CutOffError(Exception):
        pass

    def cut(done: int, total: int, throughput: str = "") -> None:
        if done == 2:
            raise CutOffError

    with monkeypatch.context() as patched:
        patched.setattr("precompute.engine.progress_bar", lambda title, unit: nullcontext(cut))
        with pytest.raises(CutOffError):
            toy.run()
    assert toy.figures() == {"a": 10, "b": 20}
    assert toy.run() == Report(tasks=4, kept=2, done=2, failed=0)
    assert toy.done == ["c", "d"]
    assert toy.figures() == ALL


def test_a_task_that_stands_on_something_else_is_done_again(toy: Toy) -> None:
    toy.run()
    toy.numbers["b"] = 7
    assert toy.run() == Report(tasks=4, kept=3, done=1, failed=0)
    assert toy.done == ["b"]
    assert toy.figures() == {**ALL, "b": 70}


def test_a_mark_whose_rows_are_gone_is_not_believed(toy: Toy) -> None:
    toy.run()
    with Session(toy.engine) as session, session.begin():
        unit = session.scalars(select(WorkUnit.id).where(WorkUnit.key == "c")).one()
        session.execute(delete(Evaluation).where(Evaluation.unit_id == unit))
    assert toy.run() == Report(tasks=4, kept=3, done=1, failed=0)
    assert toy.done == ["c"]
    assert toy.figures() == ALL


def test_a_higher_version_and_other_settings_make_all_anew(toy: Toy) -> None:
    toy.run()
    for changes in ({"version": 2}, {"settings": ["other"]}):
        assert toy.run(**changes) == Report(tasks=4, kept=0, done=4, failed=0)
        assert toy.run(**changes) == Report(tasks=4, kept=4, done=0, failed=0)
    assert toy.figures() == ALL


def test_a_mark_of_a_tasks_own_holds_until_the_version_is_raised(toy: Toy) -> None:
    def tasks(context: RunContext) -> Iterator[Task]:
        return (replace(task, mark=f"mark of {task.key}") for task in toy.stage().tasks(context))

    toy.run(tasks=tasks)
    with Session(toy.engine) as session:
        assert set(session.scalars(select(WorkUnit.settings_hash))) == {f"mark of {key}" for key in "abcd"}
    assert toy.run(tasks=tasks, settings=["other"]).kept == 4
    assert toy.run(tasks=tasks, version=2).done == 4
    assert toy.run(tasks=tasks, version=2).kept == 4


def test_what_comes_after_runs_when_all_is_stored_and_also_when_nothing_is_to_do(toy: Toy) -> None:
    seen = []
    for _ in range(2):
        toy.run(after=lambda context: seen.append(toy.figures()))
    assert seen == [ALL, ALL]


def double(state: int, payload: tuple[str, int]) -> int:
    if payload[0] == "c" and payload[1] == 3:
        raise ValueError("odd")
    return state * payload[1]


def test_the_engine_works_on_each_database_engine(engine_url: str) -> None:
    engine = session.create(engine_url)
    toy, later = Toy(engine), Toy(engine, {"x": 1}, name="later")
    stage = toy.stage(work=double, setup=lambda context, tasks: FixedState(2))
    context = toy.context(workers=2)
    report = run_stage(context, stage)
    assert (report.tasks, report.done, report.failed) == (4, 3, 1)
    later.run()
    assert toy.figures() == {"a": 2, "b": 4, "d": 8}
    assert [unit.key for unit in Reader(engine).runs.failures()] == ["c"]
    toy.numbers |= {"b": 5, "c": 6}
    del toy.numbers["d"]
    report = run_stage(context, stage)
    assert (report.tasks, report.kept, report.done, report.failed) == (3, 1, 2, 0)
    assert toy.figures() == {"a": 2, "b": 10, "c": 12}
    assert later.units() == {}
    session.finish(engine)
