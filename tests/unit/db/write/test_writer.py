"""Writing: a unit's records and its mark belong together, and what is stale goes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np
import pytest
from sqlalchemy import Engine, delete, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db import session
from db.read.reader import Reader
from db.records.written import (
    ClassSamplesRecord,
    EntryRecord,
    EvaluationRecord,
    FinishedUnit,
    ModelRecord,
    PictureRecord,
    PredictionRecord,
    ProblemRecord,
    Record,
    SampleRecord,
)
from db.schema.base import Base
from db.schema.tables import Category, Evaluation, Model, OcrEntry, Prediction, Sample, WorkUnit
from db.write.writer import Writer

SETTINGS = {"settings": {"seed": 3}, "seed": 2**32 - 1, "versions": {}, "dataset": "/data", "artifacts": "a"}
PATH = "test/a/1.jpg"


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


def _store(writer: Writer, stage: str, key: str, *records: Record, mark: str = "h", **about: str) -> None:
    writer.store([FinishedUnit(stage, mark, key, records, **about)])


def _store_samples(
    writer: Writer, label: str = "a", texts: Collection[str] = (), paths: Sequence[str] = (PATH,)
) -> None:
    picture = PictureRecord(1, 1, b"")
    entries = [EntryRecord(text, [(0.0, 0.0), (1.0, 0.5)], None) for text in texts]
    samples = [SampleRecord(path, "p", "e", 4, 3, entries, [], picture, picture, None) for path in paths]
    _store(writer, "ingest", f"test/{label}", ClassSamplesRecord("test", label, samples, None))


def _store_model(writer: Writer, name: str = "m", mark: str = "h") -> None:
    _store(writer, "train", name, ModelRecord(name, "own", 0, True, {}, mark, None, mark, ["a"], []), mark=mark)


def _prediction(label: str = "a", probabilities: Sequence[float] = (1.0,)) -> PredictionRecord:
    return PredictionRecord("m", PATH, label, 1.0, np.array(probabilities, np.float32))


def _figures(kind: str) -> EvaluationRecord:
    return EvaluationRecord(kind, {})


def _finished(writer: Writer, stage: str) -> dict[str, str]:
    return writer.marks(stage).finished


def _count(engine: Engine, table: type[Base]) -> int:
    with Session(engine) as reading:
        return reading.scalar(select(func.count()).select_from(table)) or 0


def test_writing_without_a_run_is_refused(engine: Engine) -> None:
    with pytest.raises(RuntimeError, match="start_run"):
        _store(Writer(engine), "s", "k")


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
    writer.store([FinishedUnit("evaluate-x", "h", "k", [EvaluationRecord("x", {"a": 1})], seconds=2.5, settings="s")])
    with Session(engine) as reading:
        row = reading.scalars(select(Evaluation)).one()
        unit = reading.get_one(WorkUnit, row.unit_id)
        assert (unit.stage, unit.settings_hash, unit.key, unit.status) == ("evaluate-x", "h", "k", "done")
        assert (unit.seconds, unit.settings, unit.records) == (2.5, "s", 1)


def test_marks_tell_finished_units_from_failed_ones_by_stage(writer: Writer) -> None:
    _store(writer, "s", "1")
    _store(writer, "s", "2", mark="other")
    _store(writer, "t", "3")
    writer.fail(FinishedUnit("s", "h", "4"), "no luck")
    marks = writer.marks("s")
    assert (marks.finished, marks.failed) == ({"1": "h", "2": "other"}, {"4": "h"})


@pytest.mark.parametrize("mark", ["h", "other"])
def test_a_unit_replaces_what_the_same_stage_and_key_wrote(writer: Writer, engine: Engine, mark: str) -> None:
    for stage, key in (("s", "k"), ("s", "k2"), ("t", "k")):
        _store(writer, stage, key, _figures(f"{stage} {key}"))
    _store(writer, "s", "k", _figures("new"), mark=mark)
    with Session(engine) as reading:
        assert set(reading.scalars(select(Evaluation.kind))) == {"s k2", "t k", "new"}
    assert _finished(writer, "s") == {"k": mark, "k2": "h"}


def test_a_failed_unit_takes_its_stale_rows_away_and_says_why(writer: Writer, engine: Engine) -> None:
    _store(writer, "s", "k", _figures("x"))
    writer.fail(FinishedUnit("s", "h", "k"), "out of memory")
    assert _count(engine, Evaluation) == 0
    assert [(unit.key, unit.message) for unit in Reader(engine).runs.failures()] == [("k", "out of memory")]


def test_a_unit_that_cannot_be_stored_leaves_nothing(writer: Writer, engine: Engine) -> None:
    _store(writer, "s", "old", _figures("old"))
    twice = FinishedUnit("s", "h", "twice")
    with pytest.raises(IntegrityError):
        writer.store([FinishedUnit("s", "h", "old", [_figures("new")]), twice, twice])
    with Session(engine) as reading:
        assert list(reading.scalars(select(Evaluation.kind))) == ["old"]
    assert _finished(writer, "s") == {"old": "h"}


def test_prune_keeps_only_what_is_named(writer: Writer, engine: Engine) -> None:
    for key in ("1", "2", "3"):
        _store(writer, "s", key, _figures(key))
    _store(writer, "t", "9", _figures("9"))
    assert writer.prune("s", {("h", "2"), ("other", "3")}) == 2
    with Session(engine) as reading:
        assert set(reading.scalars(select(Evaluation.kind))) == {"2", "9"}


def test_a_deleted_sample_takes_all_that_stands_on_it_and_its_units_along(writer: Writer, engine: Engine) -> None:
    _store_samples(writer, texts=["mjölk"])
    _store_model(writer)
    _store(writer, "predict", "m|1", _prediction(), model="m", sample=PATH)
    with Session(engine) as session, session.begin():
        session.execute(delete(Sample))
    assert (_count(engine, OcrEntry), _count(engine, Prediction)) == (0, 0)
    assert _finished(writer, "predict") == {}
    assert _finished(writer, "train") == {"m": "h"}


def test_a_class_that_goes_takes_its_predictions_marks_along(writer: Writer, engine: Engine) -> None:
    _store_samples(writer)
    _store_model(writer)
    _store(writer, "predict", "m|test/a", _prediction(), model="m")
    writer.finish_run()
    assert writer.remove_other_classes(set()) == 1
    assert _count(engine, Prediction) == 0
    assert _finished(writer, "predict") == {}
    assert [run.finished_at for run in Reader(engine).runs.all()] == [None]


def test_a_class_that_goes_takes_the_marks_of_others_that_were_taken_for_it(writer: Writer, engine: Engine) -> None:
    _store_samples(writer)
    _store_samples(writer, "gone", paths=())
    _store_model(writer)
    _store(writer, "predict", "m|test/a", _prediction("gone"), model="m")
    assert writer.remove_other_classes({("test", "a")}) == 0
    assert (_count(engine, Category), _count(engine, Sample), _count(engine, Prediction)) == (1, 1, 0)
    assert _finished(writer, "predict") == {}


def test_a_model_trained_again_replaces_the_old_one_and_all_that_stands_on_it(writer: Writer, engine: Engine) -> None:
    _store_model(writer)
    _store(writer, "predict", "m|1", model="m")
    _store_model(writer, mark="h2")
    assert _count(engine, Model) == 1
    assert _finished(writer, "predict") == {}


def test_a_model_that_is_no_longer_wanted_goes(writer: Writer, engine: Engine) -> None:
    for name in ("m", "n"):
        _store_model(writer, name)
    writer.prune("train", {("h", "n")})
    assert [model.name for model in Reader(engine).models.all()] == ["n"]


def test_problems_are_kept(writer: Writer, engine: Engine) -> None:
    _store(writer, "ingest", "test/a", ProblemRecord("test/metadata.jsonl", "not JSON", line=12))
    _store(writer, "ocr", PATH, ProblemRecord("x.jpg", "too dark", sample=PATH))
    problems = [(p.stage, p.file, p.line, p.sample, p.message) for p in Reader(engine).runs.problems()]
    assert problems == [
        ("ingest", "test/metadata.jsonl", 12, None, "not JSON"),
        ("ocr", "x.jpg", None, PATH, "too dark"),
    ]


def test_what_engines_cannot_store_is_replaced(writer: Writer, engine: Engine) -> None:
    _store_samples(writer, texts=["a\0b\ud800c 🥛", "\ud83e\udd5b"])
    _store(writer, "e", "k", EvaluationRecord("x", {"nan": float("nan"), "list": [1.5, float("inf")]}))
    with Session(engine) as reading:
        texts = reading.scalars(select(OcrEntry.text).order_by(OcrEntry.position)).all()
        assert texts == ["a\ufffdb\ufffdc 🥛", "🥛"]
        assert reading.scalars(select(Evaluation.figures)).one() == {"nan": None, "list": [1.5, None]}


def test_vectors_come_back_bit_for_bit(writer: Writer, engine: Engine) -> None:
    values = np.array([0.1, -1e-40, 3.4e38, 0.0], dtype=np.float32)
    _store_samples(writer)
    _store_model(writer)
    _store(writer, "predict", "k", PredictionRecord("m", PATH, "a", 0.1, values[::1]))
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
            _store(writers[number % 2], "s", str(number))
    assert len(_finished(writers[0], "s")) == 10
