"""Writing: a unit's rows and its mark belong together, and what is stale goes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db import session
from db.reader import Reader
from db.tables import Base, Evaluation, Model, OcrEntry, Picture, Prediction, Sample, Segmentation, WorkUnit
from db.writer import UnitResult, Writer

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


def _sample(writer: Writer, path: str = "test/a/1.jpg", label: str = "a") -> Sample:
    category = writer.put_categories([(label, None, None)])[label]
    return Sample(
        run_id=writer.run_id,
        path=path,
        split="test",
        category_id=category,
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
    assert [(run.seed, run.finished_at) for run in Reader(engine).runs()] == [(2**32 - 1, None)] * 2


def test_finish_run_notes_the_time(writer: Writer, engine: Engine) -> None:
    writer.finish_run()
    run = Reader(engine).runs()[0]
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
    assert [(unit.key, unit.message) for unit in Reader(engine).failures()] == [("k", "out of memory")]


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


def test_prune_of_ingest_removes_the_samples(writer: Writer, engine: Engine) -> None:
    sample = _sample(writer)
    writer.finish_unit("ingest", "h", sample.path, [sample, _entry(sample, "mjölk")])
    assert _count(engine, OcrEntry) == 1
    writer.prune("ingest", set())
    assert (_count(engine, Sample), _count(engine, OcrEntry), _count(engine, WorkUnit)) == (0, 0, 0)


def test_a_changed_sample_replaces_the_old_one_and_all_that_stands_on_it(writer: Writer, engine: Engine) -> None:
    sample = _sample(writer)
    writer.finish_unit("ingest", "h", sample.path, [sample, _entry(sample, "old")])
    model = _model(writer)
    writer.finish_unit("train", "h", "m", [model])
    prediction = Prediction(
        model_id=model.id,
        sample_id=sample.id,
        category_id=sample.category_id,
        probability=1.0,
        probabilities=np.ones(1, np.float32),
    )
    writer.finish_unit("predict", "h", "m|1", [prediction], model_id=model.id, sample_id=sample.id)
    changed = _sample(writer)
    writer.finish_unit("ingest", "h2", changed.path, [changed, _entry(changed, "new")])
    assert (_count(engine, Sample), _count(engine, Prediction)) == (1, 0)
    assert writer.done("predict", "h") == set()
    detail = Reader(engine).sample(changed.path)
    assert detail is not None
    assert [entry.text for entry in detail.entries] == ["new"]


def test_a_model_trained_again_replaces_the_old_one(writer: Writer, engine: Engine) -> None:
    writer.finish_unit("train", "h", "m", [_model(writer)])
    writer.finish_unit("predict", "h", "m|1", model_id=1)
    writer.finish_unit("train", "h2", "m", [_model(writer)])
    assert _count(engine, Model) == 1
    assert writer.done("predict", "h") == set()


def test_a_sprite_and_a_segmentation_replace_their_predecessors(writer: Writer, engine: Engine) -> None:
    sample = _sample(writer)
    writer.finish_unit("ingest", "h", sample.path, [sample])
    for content in (b"1", b"2"):
        sprite = Picture(kind="sprite", category_id=sample.category_id, split="test", media_type="image/webp")
        sprite.width, sprite.height, sprite.digest, sprite.content = 1, 1, "d", content
        blocks = Segmentation(sample_id=sample.id, settings_hash="h", segments=1, width=1, height=1, label_map=content)
        writer.finish_unit("some", "h", content.decode(), [sprite, blocks])
    with Session(engine) as reading:
        assert reading.scalars(select(Picture.content)).all() == [b"2"]
        assert reading.scalars(select(Segmentation.label_map)).all() == [b"2"]


def test_classes_become_exactly_those_given(writer: Writer, engine: Engine) -> None:
    sample = _sample(writer, label="gone")
    writer.finish_unit("ingest", "h", sample.path, [sample])
    first = writer.put_categories([("a", None, None), ("b", "B", "f")])
    again = writer.put_categories([("b", "Bee", None), ("c", None, None), ("a", None, None)])
    assert (again["a"], again["b"]) == (first["a"], first["b"])
    views = [(view.label, view.display_name, view.family) for view in Reader(engine).classes()]
    assert views == [("a", None, None), ("b", "Bee", None), ("c", None, None)]
    assert _count(engine, Sample) == 0


def test_problems_are_kept_until_their_stage_looks_again(writer: Writer, engine: Engine) -> None:
    writer.add_problem("ingest", "test/metadata.jsonl", "not JSON", line=12)
    writer.add_problem("ocr", "x.jpg", "too dark", sample="test/a/x.jpg")
    writer.clear_problems("ingest")
    problems = [(p.stage, p.file, p.line, p.sample, p.message) for p in Reader(engine).problems()]
    assert problems == [("ocr", "x.jpg", None, "test/a/x.jpg", "too dark")]


def test_what_engines_cannot_store_is_replaced(writer: Writer, engine: Engine) -> None:
    sample = _sample(writer)
    writer.finish_unit("ingest", "h", sample.path, [sample, _entry(sample, "a\0b\ud800c 🥛")])
    writer.finish_unit(
        "e", "h", "k", [Evaluation(kind="x", figures={"nan": float("nan"), "list": [1.5, float("inf")]})]
    )
    with Session(engine) as reading:
        assert reading.scalars(select(OcrEntry.text)).one() == "a\ufffdb\ufffdc 🥛"
        assert reading.scalars(select(Evaluation.figures)).one() == {"nan": None, "list": [1.5, None]}


def test_vectors_come_back_bit_for_bit(writer: Writer, engine: Engine) -> None:
    values = np.array([0.1, -1e-40, 3.4e38, 0.0], dtype=np.float32)
    sample, model = _sample(writer), _model(writer)
    writer.finish_unit("ingest", "h", sample.path, [sample])
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
