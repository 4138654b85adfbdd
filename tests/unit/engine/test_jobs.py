"""How the engine groups tasks into jobs, loads, counts and shows them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.schema.tables import WorkUnit
from precompute.context import RunContext
from precompute.engine import ByKey, Failed, Report, Task, run_stage
from precompute.executors import FixedState, Job
from tests.run_context import Bars
from tests.toy_stage import Toy


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


def test_progress_counts_sizes_of_what_is_to_do(toy: Toy, bars: Bars) -> None:
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
        setup=lambda context, tasks: FixedState([task.key for task in tasks]),
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
