"""What the engine does with units that fail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.errors import UserError
from db.schema.tables import WorkUnit
from precompute.context import RunContext
from precompute.dataset.faults import InputChangedError
from precompute.engine import INPUT_CHANGED, Report, Task
from precompute.executors import Job
from tests.toy_stage import ALL, Toy


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


def test_a_failed_unit_is_tried_again_when_what_it_depends_on_changes(toy: Toy) -> None:
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


def test_a_stage_that_fails_everywhere_stops(toy: Toy) -> None:
    toy.failing = dict.fromkeys("abcd", ValueError("no memory"))
    with pytest.raises(
        UserError,
        match=r"^toy: aborted: the first 3 jobs all failed with: ValueError: no memory \(toy_",
    ):
        toy.run()
    assert toy.done == ["a", "b", "c"]
    assert toy.units() == {}


def test_fewer_jobs_that_fail_identically_are_failed_units(toy: Toy) -> None:
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
