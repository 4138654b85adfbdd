"""The engine on toy stages: what is computed, kept, removed and tried again, on a real database."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from db import session
from db.errors import UserError
from db.read.reader import Reader
from db.records.written import EvaluationRecord
from db.schema.tables import Evaluation, Model, Run, Sample, WorkUnit
from precompute.context import RunContext
from precompute.dataset.faults import InputChangedError
from precompute.engine import INPUT_CHANGED, ByKey, Failed, Report, Stage, Task, run_stage
from precompute.executors import Given, Job
from tests.dataset_folder import empty_database, ingestion  # noqa: F401
from tests.run_context import Bars, bars, open_context  # noqa: F401

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
        query = select(WorkUnit.key, WorkUnit.status, WorkUnit.message).where(WorkUnit.stage == self.name)
        with Session(self.engine) as session:
            return {key: (status, message) for key, status, message in session.execute(query)}


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
def toy(ingestion: Any) -> Toy:  # noqa: F811
    """On an empty SQLite database."""
    return Toy(ingestion.engine)


ALL = {"a": 10, "b": 20, "c": 30, "d": 40}


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

    def cut(done: int, total: int, pace: str = "") -> None:
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


def test_a_stale_task_that_fails_leaves_no_old_rows(toy: Toy) -> None:
    toy.run()
    toy.numbers["b"] = 7
    toy.failing["b"] = ValueError("odd")
    assert toy.run() == Report(tasks=4, kept=3, done=0, failed=1)
    assert toy.figures() == {key: value for key, value in ALL.items() if key != "b"}


def test_a_task_that_is_no_more_is_removed(toy: Toy) -> None:
    toy.run()
    del toy.numbers["c"]
    assert toy.run() == Report(tasks=3, kept=3, done=0, failed=0)
    assert toy.figures() == {"a": 10, "b": 20, "d": 40}
    assert toy.units().keys() == {"a", "b", "d"}


def test_a_run_is_finished_no_more_when_results_go(toy: Toy) -> None:
    toy.run()
    toy.context().writer.finish_run(1)

    def finished() -> bool:
        with Session(toy.engine) as session:
            return session.scalar(select(Run.finished_at)) is not None

    with Session(toy.engine) as of_run, of_run.begin():
        run = of_run.scalars(select(Run)).one()
        run_id, run.finished_at = run.id, run.started_at
    context = open_context(toy.engine, Path("data"), run_id=run_id)
    run_stage(context, toy.stage())
    assert finished(), "nothing was removed"
    del toy.numbers["c"]
    run_stage(context, toy.stage())
    assert not finished()


def test_a_task_that_is_not_wanted_is_kept_but_not_made(toy: Toy) -> None:
    def only_a(context: RunContext) -> Iterator[Task]:
        return (replace(task, wanted=task.key == "a") for task in toy.stage().tasks(context))

    assert toy.run(tasks=only_a) == Report(tasks=1, kept=0, done=1, failed=0)
    assert toy.figures() == {"a": 10}
    assert toy.run() == Report(tasks=4, kept=1, done=3, failed=0)
    assert toy.run(tasks=only_a) == Report(tasks=1, kept=1, done=0, failed=0)
    assert toy.figures() == ALL
    toy.numbers["d"] = 5
    toy.run(tasks=only_a)
    assert toy.figures() == {"a": 10, "b": 20, "c": 30}, "it is kept while it is valid"


def test_a_failed_unit_is_kept_as_failed_and_tried_again_only_if_asked_for(toy: Toy) -> None:
    toy.failing["b"] = ValueError("odd\n number")
    assert toy.run() == Report(tasks=4, kept=0, done=3, failed=1)
    failed = {"b": ("failed", "ValueError: odd number")}
    assert {key: unit for key, unit in toy.units().items() if unit[0] != "done"} == failed
    assert toy.run() == Report(tasks=4, kept=3, done=0, failed=1)
    assert toy.done == []
    assert toy.units()["b"] == failed["b"]
    assert toy.run(retry_failed=True) == Report(tasks=4, kept=3, done=0, failed=1)
    assert toy.done == ["b"]
    del toy.failing["b"]
    assert toy.run(retry_failed=True) == Report(tasks=4, kept=3, done=1, failed=0)
    assert toy.done == ["b"]
    assert toy.figures() == ALL


def test_a_failed_unit_is_tried_again_when_what_it_stands_on_changes(toy: Toy) -> None:
    toy.failing["b"] = ValueError("odd")
    toy.run()
    toy.numbers["b"] = 7
    del toy.failing["b"]
    assert toy.run() == Report(tasks=4, kept=3, done=1, failed=0)
    assert toy.figures() == {**ALL, "b": 70}


def test_a_unit_that_failed_since_a_file_had_changed_is_tried_again_by_itself(toy: Toy) -> None:
    toy.failing["b"] = InputChangedError("b.jpg: gone")
    for _ in range(2):
        report = toy.run()
        assert (report.failed, toy.units()["b"]) == (1, ("failed", "b.jpg: gone"))
        assert "b" in toy.done
    with Session(toy.engine) as session:
        assert session.scalar(select(WorkUnit.settings_hash).where(WorkUnit.key == "b")) == INPUT_CHANGED
    del toy.failing["b"]
    assert toy.run() == Report(tasks=4, kept=3, done=1, failed=0)
    assert toy.figures() == ALL


def together(answer: Callable[[str, int], Any]) -> dict[str, Any]:
    """A stage whose tasks are all served by one job."""

    def jobs(_: RunContext, tasks: Sequence[Task]) -> Iterator[Job]:
        yield Job(tuple(task.key for task in tasks), [task.payload for task in tasks])

    def work(_: None, payload: Sequence[tuple[str, int]]) -> ByKey:
        return ByKey({key: answer(key, number) for key, number in payload})

    return {"jobs": jobs, "work": work}


def test_one_job_serves_several_tasks_and_may_fail_for_one(toy: Toy) -> None:
    changes = together(lambda key, number: Failed("no stages") if key == "b" else number)
    assert toy.run(**changes) == Report(tasks=4, kept=0, done=3, failed=1)
    assert toy.figures() == {"a": 1, "c": 3, "d": 4}
    assert toy.units()["b"] == ("failed", "no stages")


def test_the_time_of_a_job_is_shared_by_its_tasks(toy: Toy) -> None:
    toy.run(**together(lambda key, number: time.sleep(0.02)))
    with Session(toy.engine) as session:
        seconds = session.scalars(select(WorkUnit.seconds)).all()
    assert len(set(seconds)) == 1
    assert 0.02 <= seconds[0] < 0.08


def test_a_job_that_fails_fails_all_of_its_tasks_and_counts_once(toy: Toy) -> None:
    def work(_: None, payload: object) -> None:
        raise ValueError("odd")

    assert toy.run(**{**together(lambda *_: None), "work": work}) == Report(tasks=4, kept=0, done=0, failed=4)
    assert set(toy.units().values()) == {("failed", "ValueError: odd")}


def in_parts(_: RunContext, tasks: Sequence[Task]) -> Iterator[Job]:
    """Three jobs a task, of which the first takes the longest."""
    for task in tasks:
        for part in range(3):
            yield Job((task.key,), (task.payload[1], part))


def part_of(_: None, payload: tuple[int, int]) -> list[int]:
    number, part = payload
    time.sleep(0.05 if part == 0 else 0)
    return [number, part]


@pytest.mark.parametrize("workers", [1, 3])
def test_a_task_gets_the_answers_of_its_jobs_in_their_order(toy: Toy, workers: int) -> None:
    run_stage(toy.context(workers=workers), toy.stage(jobs=in_parts, work=part_of))
    assert toy.figures() == {key: [[n, 0], [n, 1], [n, 2]] for key, n in toy.numbers.items()}


def test_a_task_fails_with_one_of_its_jobs(toy: Toy) -> None:
    def work(_: None, payload: tuple[int, int]) -> int:
        if payload == (2, 1):
            raise ValueError("the middle")
        return payload[1]

    assert toy.run(jobs=in_parts, work=work) == Report(tasks=4, kept=0, done=3, failed=1)
    assert toy.figures() == {key: [0, 1, 2] for key in "acd"}
    assert toy.units()["b"] == ("failed", "ValueError: the middle")


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


def later_stages(toy: Toy) -> tuple[Toy, Toy]:
    return tuple(Toy(toy.engine, {name: 1}, name=name) for name in ("later", "last"))  # type: ignore[return-value]


def test_results_that_were_made_from_removed_ones_go_with_them_at_any_remove(toy: Toy) -> None:
    later, last = later_stages(toy)
    for stage in (toy, later, last):
        stage.run()
    toy.run()
    assert (later.figures(), last.figures()) == ({"later": 10}, {"last": 10})
    toy.numbers["b"] = 7
    toy.run()
    assert (later.figures(), last.figures()) == ({}, {})
    for stage in (later, last):
        assert stage.run().done == 1
    del toy.numbers["a"]
    toy.run()
    assert (later.units(), last.units()) == ({}, {})


def test_failed_units_that_go_take_nothing_with_them(toy: Toy) -> None:
    later, last = later_stages(toy)
    toy.failing["b"] = ValueError("odd")
    for stage in (toy, later, last):
        stage.run()
    del toy.numbers["b"]
    toy.run()
    assert (later.figures(), last.figures()) == ({"later": 10}, {"last": 10})


def test_what_was_made_of_other_samples_and_models_stays(small_database: str) -> None:
    engine = session.create(small_database)
    with Session(engine) as reading:
        models = reading.scalars(select(Model.name).order_by(Model.position).limit(2)).all()
        samples = reading.scalars(select(Sample.path).order_by(Sample.path).limit(2)).all()
    numbers = {(model, sample): 1 for model in models for sample in samples}

    def tasks(_: RunContext) -> Iterator[Task]:
        for (model, sample), number in numbers.items():
            yield Task(f"{model}|{sample}", number, (sample, number), model=model, sample=sample)

    def later_tasks(_: RunContext) -> Iterator[Task]:
        return (Task(f"{model}|{sample}", 1, ("", 1), model=model, sample=sample) for model, sample in numbers)

    toy, later = Toy(engine), Toy(engine, name="later")
    toy.run(tasks=tasks)
    later.run(tasks=later_tasks)
    assert len(later.figures()) == 4
    numbers[models[0], samples[0]] = 2
    toy.run(tasks=tasks)
    assert later.figures().keys() == {f"{m}|{s}" for m, s in numbers} - {f"{models[0]}|{samples[0]}"}
    assert len(toy.figures()) == 4
    session.finish(engine)


def test_a_stage_that_fails_everywhere_stops(toy: Toy) -> None:
    toy.failing = dict.fromkeys("abcd", ValueError("no memory"))
    with pytest.raises(UserError, match=r"^toy: stopped, for it fails everywhere: ValueError: no memory$"):
        toy.run()
    assert toy.done == ["a", "b", "c"]
    assert toy.units() == {}


def test_fewer_jobs_that_fail_alike_are_failed_units(toy: Toy) -> None:
    toy.numbers = {"a": 1, "b": 2}
    toy.failing = dict.fromkeys("ab", ValueError("odd"))
    assert toy.run() == Report(tasks=2, kept=0, done=0, failed=2)
    assert toy.units() == dict.fromkeys("ab", ("failed", "ValueError: odd"))


def test_failures_of_different_reasons_do_not_stop_a_stage(toy: Toy) -> None:
    toy.failing = {key: ValueError(key) for key in "abcd"}
    assert toy.run() == Report(tasks=4, kept=0, done=0, failed=4)
    assert toy.units() == {key: ("failed", f"ValueError: {key}") for key in "abcd"}


def test_like_failures_after_one_that_is_done_do_not_stop_a_stage(toy: Toy) -> None:
    toy.failing = dict.fromkeys("bcd", ValueError("odd"))
    assert toy.run() == Report(tasks=4, kept=0, done=1, failed=3)


def test_like_failures_beside_stored_results_do_not_stop_a_stage(toy: Toy) -> None:
    toy.run()
    toy.numbers |= {"e": 5, "f": 6, "g": 7, "h": 8}
    toy.failing = dict.fromkeys("efgh", ValueError("odd"))
    assert toy.run() == Report(tasks=8, kept=4, done=0, failed=4)
    assert toy.figures() == ALL


def test_like_failures_are_counted_by_jobs_not_by_tasks(toy: Toy) -> None:
    """A picture that is gone fails the tasks of all models, and the other pictures are still done."""
    toy.numbers = {f"{model}|{picture}": picture for picture in range(4) for model in "abc"}

    def jobs(_: RunContext, tasks: Sequence[Task]) -> Iterator[Job]:
        for start in range(0, len(tasks), 3):
            yield Job(tuple(task.key for task in tasks[start : start + 3]), start // 3)

    def work(_: None, picture: int) -> int:
        if picture == 0:
            raise ValueError("gone")
        return picture

    assert toy.run(jobs=jobs, work=work) == Report(tasks=12, kept=0, done=9, failed=3)
    assert {key for key, unit in toy.units().items() if unit[0] == "failed"} == {"a|0", "b|0", "c|0"}


def test_progress_counts_sizes_of_what_is_to_do(toy: Toy, bars: Bars) -> None:  # noqa: F811
    def sized(context: RunContext) -> Iterator[Task]:
        return (replace(task, size=task.payload[1]) for task in toy.stage().tasks(context))

    toy.failing["b"] = ValueError("odd")
    toy.run(tasks=sized)
    assert bars == [(0, 10), (1, 10), (3, 10), (6, 10), (10, 10)]
    bars.clear()
    toy.run(tasks=sized)
    assert bars == []
    toy.numbers["c"] = 6
    toy.run(tasks=sized, jobs=in_parts, work=part_of)
    assert bars == [(0, 6), (2, 6), (4, 6), (6, 6)]


def test_a_line_says_what_is_to_do_and_what_failed_before(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    toy.failing["b"] = ValueError("odd")
    toy.run()
    toy.numbers["e"] = 5
    toy.run()
    lines = [line for line in capsys.readouterr().err.splitlines() if " to do" in line]
    assert lines == [
        "toy: 4 to do, 0 stored",
        "toy: 1 to do, 3 stored; 1 failed before (--retry-failed tries again)",
    ]


def test_what_is_large_is_loaded_just_before_its_job(toy: Toy) -> None:
    seen = []

    def load(_: RunContext, job: Job) -> Job:
        seen.append((job.payload[0], list(toy.done)))
        return replace(job, payload=(job.payload[0], 100))

    toy.run(load=load)
    assert seen == [("a", []), ("b", ["a"]), ("c", ["a", "b"]), ("d", ["a", "b", "c"])]
    assert toy.figures() == dict.fromkeys("abcd", 1000)


def test_the_setup_sees_the_pending_tasks_alone_and_the_work_its_state(toy: Toy) -> None:
    toy.numbers = {"a": 1}
    toy.run()
    toy.numbers["b"] = 2
    toy.run(
        setup=lambda context, tasks: Given([task.key for task in tasks]),
        work=lambda state, payload: [state, payload[0]],
    )
    assert toy.figures() == {"a": 10, "b": [["b"], "b"]}


def process_id(_: None, payload: object) -> int:
    return os.getpid()


def test_a_stage_may_be_bound_to_this_process(toy: Toy) -> None:
    run_stage(toy.context(workers=2), toy.stage(work=process_id, in_process=True))
    assert set(toy.figures().values()) == {os.getpid()}
    toy.numbers = {"x": 1, "y": 2}
    run_stage(toy.context(workers=2), toy.stage(work=process_id))
    assert os.getpid() not in toy.figures().values()
    toy.numbers = {"z": 1}
    run_stage(toy.context(workers=2), toy.stage(work=process_id))
    assert set(toy.figures().values()) == {os.getpid()}, "no process is started for a single job"


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
    stage = toy.stage(work=double, setup=lambda context, tasks: Given(2))
    context = toy.context(workers=2)
    report = run_stage(context, stage)
    assert (report.tasks, report.done, report.failed) == (4, 3, 1)
    later.run()
    assert toy.figures() == {"a": 2, "b": 4, "d": 8}
    assert [unit.key for unit in Reader(engine).failures()] == ["c"]
    toy.numbers |= {"b": 5, "c": 6}
    del toy.numbers["d"]
    report = run_stage(context, stage)
    assert (report.tasks, report.kept, report.done, report.failed) == (3, 1, 2, 0)
    assert toy.figures() == {"a": 2, "b": 10, "c": 12}
    assert later.units() == {}
    session.finish(engine)
