"""Schema 0003 is read as it is; the upgrade counts what done marks stand for, and forgets those not to be believed."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import select, text

from db import session
from db.commands.check import faults
from db.commands.compact import compact_database
from db.commands.copy import copy_database
from db.commands.export import EXPORTS
from db.commands.info import describe
from db.errors import UserError
from db.read.reader import Reader
from db.schema.tables import Category, Evaluation, Model, Prediction, Sample, WorkUnit
from db.write.writer import Writer
from tests.example_database import build
from tests.older_database import make_older
from tests.stored_rows import RowStore


def _sample(run: int, category: int, path: str) -> Sample:
    hashes = {"picture_hash": "", "entries_hash": ""}
    split = path.split("/")[0]
    return Sample(run_id=run, path=path, split=split, category_id=category, width=1, height=1, **hashes)


def _prediction(model: int, sample: int) -> Prediction:
    return Prediction(
        model_id=model, sample_id=sample, category_id=1, probability=1.0, probabilities=np.ones(1, np.float32)
    )


def _model(run: int, name: str) -> Model:
    return Model(
        run_id=run,
        name=name,
        kind="own",
        position=0,
        explained=True,
        settings={},
        settings_hash="h",
        checkpoint_hash="",
        classes=["a|b/c"],
        history=[],
    )


def _store(url: str) -> None:
    """Class 1 with two train samples and one test sample, and one model; odd names on purpose."""
    engine = session.create(url)
    writer = Writer(engine)
    run = writer.start_run(settings={}, settings_hash="h", seed=0, versions={}, dataset="", artifacts="")
    store = RowStore(engine, run)
    store.finish("ingest", "classes", [Category(run_id=run, label="a|b/c")])
    paths = ("train/a/1", "train/a/2", "test/a/3")
    store.finish("ingest", "train/a|b/c", [_sample(run, 1, path) for path in paths])
    store.finish("train", "m|1", [_model(run, "m|1")])
    figures = [Evaluation(kind="x", figures={}) for _ in range(3)]
    store.finish("predict", "m|1|train/a|b/c", [_prediction(1, 1), _prediction(1, 2)], model_id=1)
    store.finish("predict", "m|1|test/a|b/c", [_prediction(1, 3)], model_id=1)
    store.finish("predict", "m|1|test/gone", model_id=1)
    store.finish("explain-local", "without", model_id=1)
    store.finish("activation", "without", model_id=1)
    store.finish("evaluate-x", "three", figures)
    store.finish("evaluate-localisation", "without")
    store.finish("activation-classes", "without", model_id=1)
    store.finish("rank-global", "without", model_id=1)
    store.fail("predict", "failed", "why")
    session.finish(engine)


def _records(url: str) -> dict[str, int | None]:
    with session.open_read_only(url).connect() as connection:
        rows = connection.execute(select(WorkUnit.stage, WorkUnit.key, WorkUnit.records).order_by(WorkUnit.id))
        return {f"{row.stage} {row.key}": row.records for row in rows if row.stage not in ("ingest", "train")}


KEPT = {
    "predict m|1|train/a|b/c": 2,
    "predict m|1|test/a|b/c": 1,
    "evaluate-x three": 3,
    "evaluate-localisation without": 0,
    "activation-classes without": 0,
    "rank-global without": 0,
    "predict failed": None,
}


def test_done_marks_are_counted_and_those_without_their_rows_go(engine_url: str) -> None:
    _store(engine_url)
    make_older(engine_url)
    assert session.upgrade(engine_url) == ("0003", session.SCHEMA_VERSION)
    assert _records(engine_url) == KEPT


def test_a_prediction_mark_goes_when_samples_came_back_without_their_predictions(engine_url: str) -> None:
    _store(engine_url)
    engine = session.create(engine_url)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM prediction WHERE sample_id = 2"))
    session.finish(engine)
    make_older(engine_url)
    session.upgrade(engine_url)
    expected = {key: count for key, count in KEPT.items() if key != "predict m|1|train/a|b/c"}
    assert _records(engine_url) == expected


def test_an_older_database_is_read_but_not_written_to(engine_url: str) -> None:
    build(engine_url, embedding=True)
    current = session.open_read_only(engine_url)
    figures = describe(current)
    exported = [[str(record) for record in export.records(current)] for export in EXPORTS.values()]
    current.dispose()
    make_older(engine_url)
    older = session.open_read_only(engine_url)
    changing = {"schema_version": None, "size_bytes": None}
    assert {**describe(older), **changing} == {**figures, **changing}
    assert [[str(record) for record in export.records(older)] for export in EXPORTS.values()] == exported
    assert list(faults(older)) == []
    assert Reader(older).runs.failures()
    for write in (session.create, compact_database, lambda url: copy_database(url, "sqlite:///nowhere/x.db")):
        with pytest.raises(UserError, match="version 0003 is older than this program's 0004; run `python -m db check"):
            write(engine_url)


@pytest.mark.parametrize(
    ("versions", "found"),
    [
        (["abcd"], "'abcd'"),
        (["0000"], "'0000'"),
        ([""], "''"),
        (["3"], "'3'"),
        (["0003", "0004"], "'0003' and '0004'"),
        ([], "nothing"),
    ],
)
@pytest.mark.parametrize("opening", [session.create, session.open_read_only, session.upgrade])
def test_a_version_that_is_none_is_one_line(engine_url: str, versions: list[str], found: str, opening: object) -> None:
    engine = session.create(engine_url)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM alembic_version"))
        for version in versions:
            connection.execute(text("INSERT INTO alembic_version VALUES (:version)"), {"version": version})
    session.finish(engine)
    with pytest.raises(
        UserError, match=f"alembic_version says {found}, which is no schema version .*; restore"
    ) as line:
        opening(engine_url)  # type: ignore[operator]
    assert "\n" not in str(line.value)
