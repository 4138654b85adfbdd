"""What the engine removes, and what is deleted with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from db import session
from db.schema.tables import Model, Run, Sample
from precompute.context import RunContext
from precompute.engine import Report, Task, run_stage
from tests.run_context import open_context
from tests.toy_stage import ALL, Toy


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
