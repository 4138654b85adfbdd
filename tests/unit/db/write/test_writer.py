"""Writing: a unit's rows and its mark belong together, and what is stale goes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from sqlalchemy import Engine, delete, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db import session
from db.read.reader import Reader
from db.schema.base import Base
from db.schema.tables import Category, Evaluation, Model, OcrEntry, Prediction, Sample, WorkUnit
from db.write.writer import UnitResult, Writer

SETTINGS = {"settings": {"seed": 3}, "seed": 2**32 - 1, "versions": {}, "dataset": "/data", "artifacts": "a"}


@pytest.fixture
def engine(engine_url: str) -> Iterator[Engine]:
    engine = session.create(engine_url)
    yield engine
    engine.dispose()


@pytest.fixture
def writer(engine: Engine) -> Writer:
    writer = Writer(engine)
    writer.start_run(settings_hash="h1", **SETTINGS)
    return writer


def _sample(writer: Writer) -> Sample:
    return Sample(
        run_id=writer.run_id,
        path="test/a/1.jpg",
        split="test",
        category=Category(run_id=writer.run_id, label="a"),
        picture_hash="p",
        entries_hash="e",
        width=4,
        height=3,
    )


def _entry(sample: Sample, text: str) -> OcrEntry:
    entry = OcrEntry(position=0, text=text, polygon=[(0.0, 0.0), (1.0, 0.5)], confidence=None)
    entry.sample = sample
    return entry


def _model(writer: Writer, name: str = "m") -> Model:
    return Model(
        run_id=writer.run_id,
        name=name,
        kind="own",
        position=0,
        explained=True,
        settings={},
        settings_hash="h",
        checkpoint=None,
        checkpoint_hash="c",
        classes=["a"],
        history=[],
    )


def _count(engine: Engine, table: type[Base]) -> int:
    with Session(engine) as reading:
        return reading.scalar(select(func.count()).select_from(table)) or 0


def test_writing_without_a_run_is_refused(engine: Engine) -> None:
    with pytest.raises(RuntimeError, match="start_run"):
        Writer(engine).finish_unit("s", "h", "k")


def test_the_same_settings_open_the_same_run_again(engine: Engine) -> None:
    first = Writer(engine).start_run(settings_hash="h1", **SETTINGS)
    writer = Writer(engine)
    other = writer.start_run(settings_hash="h2", **SETTINGS)
    writer.finish_run()
    assert Writer(engine).start_run(settings_hash="h1", **SETTINGS) == first != other
    assert Writer(engine).start_run(settings_hash="h2", **SETTINGS) == other
    assert [(run.seed, run.finished_at) for run in Reader(engine).runs.all()] == [(2**32 - 1, None)] * 2
    Writer(engine).start_run(settings_hash="h1", **SETTINGS)
    assert [run.settings_hash for run in Reader(engine).runs.all()] == ["h2", "h1"]  # the one opened last at the end


def test_finish_run_notes_the_time(writer: Writer, engine: Engine) -> None:
    writer.finish_run()
    run = Reader(engine).runs.all()[0]
    assert run.finished_at is not None
    assert run.started_at <= run.finished_at


def test_a_finished_unit_owns_its_rows(writer: Writer, engine: Engine) -> None:
    writer.finish_unit("evaluate-x", "h", "k", [Evaluation(kind="x", figures={"a": 1})], seconds=2.5)
    with Session(engine) as reading:
        row = reading.scalars(select(Evaluation)).one()
        unit = reading.get_one(WorkUnit, row.unit_id)
        assert (unit.stage, unit.settings_hash, unit.key, unit.status, unit.seconds) == (
            "evaluate-x",
            "h",
            "k",
            "done",
            2.5,
        )


def test_done_names_the_finished_units_of_these_settings(writer: Writer) -> None:
    writer.finish_unit("s", "h", "1")
    writer.finish_unit("s", "other", "2")
    writer.finish_unit("t", "h", "3")
    writer.fail_unit("s", "h", "4", "no luck")
    assert writer.done("s", "h") == {"1"}


@pytest.mark.parametrize("settings_hash", ["h", "other"])
def test_a_unit_replaces_what_the_same_stage_and_key_wrote(writer: Writer, engine: Engine, settings_hash: str) -> None:
    for stage, key in (("s", "k"), ("s", "k2"), ("t", "k")):
        writer.finish_unit(stage, "h", key, [Evaluation(kind=f"{stage} {key}", figures={})])
    writer.finish_unit("s", settings_hash, "k", [Evaluation(kind="new", figures={})])
    with Session(engine) as reading:
        assert set(reading.scalars(select(Evaluation.kind))) == {"s k2", "t k", "new"}
    assert writer.done("s", settings_hash) >= {"k"}


def test_a_failed_unit_takes_its_stale_rows_away_and_says_why(writer: Writer, engine: Engine) -> None:
    writer.finish_unit("s", "h", "k", [Evaluation(kind="x", figures={})])
    writer.fail_unit("s", "h", "k", "out of memory")
    assert _count(engine, Evaluation) == 0
    assert [(unit.key, unit.message) for unit in Reader(engine).runs.failures()] == [("k", "out of memory")]


def test_a_unit_that_cannot_be_stored_leaves_nothing(writer: Writer, engine: Engine) -> None:
    writer.finish_unit("s", "h", "old", [Evaluation(kind="old", figures={})])
    bad = Prediction(model_id=99, sample_id=99, category_id=99, probability=1.0, probabilities=np.ones(1, np.float32))
    results = [UnitResult("s", "h", "old", [Evaluation(kind="x", figures={})]), UnitResult("s", "h", "bad", [bad])]
    with pytest.raises(IntegrityError):
        writer.finish_units(results)
    with Session(engine) as reading:
        assert list(reading.scalars(select(Evaluation.kind))) == ["old"]
    assert writer.done("s", "h") == {"old"}


def test_prune_keeps_only_what_is_named(writer: Writer, engine: Engine) -> None:
    for key in ("1", "2", "3"):
        writer.finish_unit("s", "h", key, [Evaluation(kind=key, figures={})])
    writer.finish_unit("t", "h", "9", [Evaluation(kind="9", figures={})])
    assert writer.prune("s", {("h", "2"), ("other", "3")}) == 2
    with Session(engine) as reading:
        assert set(reading.scalars(select(Evaluation.kind))) == {"2", "9"}


def test_a_deleted_sample_takes_all_that_stands_on_it_and_its_units_along(writer: Writer, engine: Engine) -> None:
    sample, model = _sample(writer), _model(writer)
    writer.finish_unit("ingest", "h", "test/a", [sample, _entry(sample, "mjölk")])
    writer.finish_unit("train", "h", "m", [model])
    prediction = Prediction(model_id=model.id, sample_id=sample.id, category_id=sample.category_id, probability=1.0)
    prediction.probabilities = np.ones(1, np.float32)
    writer.finish_unit("predict", "h", "m|1", [prediction], model_id=model.id, sample_id=sample.id)
    with Session(engine) as session, session.begin():
        session.execute(delete(Sample))
    assert (_count(engine, OcrEntry), _count(engine, Prediction)) == (0, 0)
    assert writer.done("predict", "h") == set()
    assert writer.done("train", "h") == {"m"}


def test_a_class_that_goes_takes_its_predictions_marks_along(writer: Writer, engine: Engine) -> None:
    sample, model = _sample(writer), _model(writer)
    writer.finish_unit("ingest", "h", "test/a", [sample])
    writer.finish_unit("train", "h", "m", [model])
    prediction = Prediction(model_id=model.id, sample_id=sample.id, category_id=sample.category_id, probability=1.0)
    prediction.probabilities = np.ones(1, np.float32)
    writer.finish_unit("predict", "h", "m|test/a", [prediction], model_id=model.id)
    writer.finish_run()
    assert writer.remove_other_classes(set()) == 1
    assert _count(engine, Prediction) == 0
    assert writer.done("predict", "h") == set()
    assert [run.finished_at for run in Reader(engine).runs.all()] == [None]


def test_a_class_that_goes_takes_the_marks_of_others_that_were_taken_for_it(writer: Writer, engine: Engine) -> None:
    sample, model = _sample(writer), _model(writer)
    gone = Category(run_id=writer.run_id, label="gone")
    writer.finish_unit("ingest", "h", "test/a", [sample, gone])
    writer.finish_unit("train", "h", "m", [model])
    prediction = Prediction(model_id=model.id, sample_id=sample.id, category_id=gone.id, probability=1.0)
    prediction.probabilities = np.ones(1, np.float32)
    writer.finish_unit("predict", "h", "m|test/a", [prediction], model_id=model.id)
    assert writer.remove_other_classes({("test", "a")}) == 0
    assert (_count(engine, Category), _count(engine, Sample), _count(engine, Prediction)) == (1, 1, 0)
    assert writer.done("predict", "h") == set()


def test_a_model_trained_again_replaces_the_old_one_and_all_that_stands_on_it(writer: Writer, engine: Engine) -> None:
    writer.finish_unit("train", "h", "m", [_model(writer)])
    writer.finish_unit("predict", "h", "m|1", model_id=1)
    writer.finish_unit("train", "h2", "m", [_model(writer)])
    assert _count(engine, Model) == 1
    assert writer.done("predict", "h") == set()


def test_a_model_that_is_no_longer_wanted_goes(writer: Writer, engine: Engine) -> None:
    for name in ("m", "n"):
        writer.finish_unit("train", "h", name, [_model(writer, name)])
    writer.prune("train", {("h", "n")})
    assert [model.name for model in Reader(engine).models.all()] == ["n"]


def test_problems_are_kept(writer: Writer, engine: Engine) -> None:
    writer.add_problem("ingest", "test/metadata.jsonl", "not JSON", line=12)
    writer.add_problem("ocr", "x.jpg", "too dark", sample="test/a/x.jpg")
    problems = [(p.stage, p.file, p.line, p.sample, p.message) for p in Reader(engine).runs.problems()]
    assert problems == [
        ("ingest", "test/metadata.jsonl", 12, None, "not JSON"),
        ("ocr", "x.jpg", None, "test/a/x.jpg", "too dark"),
    ]


def test_what_engines_cannot_store_is_replaced(writer: Writer, engine: Engine) -> None:
    sample = _sample(writer)
    writer.finish_unit("ingest", "h", "test/a", [sample, _entry(sample, "a\0b\ud800c 🥛")])
    writer.finish_unit(
        "e", "h", "k", [Evaluation(kind="x", figures={"nan": float("nan"), "list": [1.5, float("inf")]})]
    )
    with Session(engine) as reading:
        assert reading.scalars(select(OcrEntry.text)).one() == "a\ufffdb\ufffdc 🥛"
        assert reading.scalars(select(Evaluation.figures)).one() == {"nan": None, "list": [1.5, None]}


def test_vectors_come_back_bit_for_bit(writer: Writer, engine: Engine) -> None:
    values = np.array([0.1, -1e-40, 3.4e38, 0.0], dtype=np.float32)
    sample, model = _sample(writer), _model(writer)
    writer.finish_unit("ingest", "h", "test/a", [sample])
    writer.finish_unit("train", "h", "m", [model])
    row = Prediction(model_id=model.id, sample_id=sample.id, category_id=sample.category_id, probability=0.1)
    row.probabilities = values[::1]
    writer.finish_unit("predict", "h", "k", [row])
    with Session(engine) as reading:
        stored = reading.scalars(select(Prediction.probabilities)).one()
    assert stored.dtype == np.float32
    assert stored.tobytes() == values.tobytes()


def test_two_writers_take_turns(engine_url: str) -> None:
    """Each unit is one short transaction that waits for the other's, also after a read."""
    engines = [session.create(engine_url) for _ in range(2)]
    writers = [Writer(engine) for engine in engines]
    for number, writer in enumerate(writers):
        writer.start_run(settings_hash=f"h{number}", **SETTINGS)
    with engines[0].connect() as reading:
        reading.execute(text("SELECT count(*) FROM work_unit")).all()
        for number in range(10):
            writers[number % 2].finish_unit("s", "h", str(number))
    assert len(writers[0].done("s", "h")) == 10
