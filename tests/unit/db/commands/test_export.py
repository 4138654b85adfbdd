"""Exports: every format says the same, with all digits, and never NaN."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
from sqlalchemy import Engine, func, select

from db import session
from db.commands.export import EXPORTS
from db.commands.formats import write
from db.errors import UserError
from db.read.reader import Reader
from db.records.written import EvaluationRecord, FinishedUnit
from db.schema.tables import Category, Explanation, Model
from db.write.writer import Writer
from tests.example_database import build

PROMISED = """model, sample, split, target, kind, label, predicted, probability, surrogate_prediction, intercept, r2,
image_evaluations, text_evaluations, sampler, seed, image_weights, image_errors, text_weights, text_errors, entries,
image_share, image_share_positive, probability_without_text, probability_without_image"""


@pytest.fixture(scope="module")
def engine(example_url: str) -> Engine:
    return session.open_read_only(example_url)


def _jsonl(engine: Engine, name: str, folder: Path) -> list[dict[str, Any]]:
    write(engine, name, "jsonl", folder / "out.jsonl")

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    text = (folder / "out.jsonl").read_text(encoding="utf-8")
    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


def test_an_explanation_has_the_promised_fields_with_the_readers_values(engine: Engine, tmp_path: Path) -> None:
    records = _jsonl(engine, "explanations", tmp_path)
    reader = Reader(engine)
    with engine.connect() as connection:
        assert len(records) == connection.scalar(select(func.count()).select_from(Explanation))
    for record in records:
        assert record.keys() >= {name.strip() for name in PROMISED.split(",")}
        (view,) = [
            one for one in reader.explanations.of(record["model"], record["sample"]) if one.kind == record["kind"]
        ]
        sample = reader.samples.get(record["sample"])
        assert sample is not None
        assert record["entries"] == [entry.text for entry in sample.entries]
        for name in record.keys() - {"entries"}:
            value = getattr(view, name)
            stored = value.tolist() if isinstance(value, np.ndarray) else value
            assert record[name] == stored, name


def test_explanations_come_in_an_order_of_their_own(engine: Engine, tmp_path: Path) -> None:
    records = _jsonl(engine, "explanations", tmp_path)
    models = [model.name for model in Reader(engine).models.all()]
    kinds = ["predicted", "true", "runner_up"]
    keys = [(models.index(r["model"]), r["sample"], kinds.index(r["kind"])) for r in records]
    assert keys == sorted(keys)


def test_figures_come_in_the_order_of_their_names_on_each_engine(engine_url: str, tmp_path: Path) -> None:
    """Whatever was written first: figures of all classes, for which no class is named, before those of one."""
    build(engine_url)
    engine = session.create(engine_url)
    writer = Writer(engine)
    writer.start_run(settings={}, settings_hash="more", seed=0, versions={}, dataset="", artifacts="")
    with engine.connect() as connection:
        models = connection.scalars(select(Model.name).order_by(Model.position.desc())).all()
        labels = connection.scalars(select(Category.label).order_by(Category.label.desc())).all()
    records = [
        EvaluationRecord("localisation", {}, model=model, label=label, modality=modality)
        for model in models
        for label in (*labels, None)
        for modality in ("text", None, "image")
    ]
    writer.store([FinishedUnit("evaluate-localisation", "h", "all", records)])
    records = _jsonl(engine, "evaluation", tmp_path)
    names = [model.name for model in Reader(engine).models.all()]
    expected = [
        (model, label, modality)
        for model in names
        for label in (None, *reversed(labels))
        for modality in (None, "image", "text")
    ]
    about = [(record["model"], record["label"], record["modality"]) for record in records if not record["figures"]]
    assert about == expected
    assert [
        (row.model, row.label, row.modality) for row in Reader(engine).evaluations.figures("localisation")
    ] == expected
    engine.dispose()


def test_maps_come_in_the_order_of_their_names(embedding_file: Path, tmp_path: Path) -> None:
    engine = session.open_read_only(f"sqlite:///{embedding_file}")
    models = [model.name for model in Reader(engine).models.all()]
    keys = [
        (models.index(r["model"]), r["sample"], r["target"], r["strategy"], r["variant"], r["stage"], r["top"])
        for r in _jsonl(engine, "activation", tmp_path)
    ]
    assert keys
    assert keys == sorted(keys)


@pytest.mark.parametrize("name", EXPORTS)
def test_csv_and_parquet_say_the_same_as_json(engine: Engine, tmp_path: Path, name: str) -> None:
    expected = _jsonl(engine, name, tmp_path)
    assert expected
    write(engine, name, "csv", tmp_path / "out.csv")
    write(engine, name, "parquet", tmp_path / "out.parquet")
    kinds = EXPORTS[name].fields
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        assert [
            {field: _read(cell, kinds[field]) for field, cell in row.items()} for row in csv.DictReader(file)
        ] == expected
    rows = pyarrow.parquet.read_table(tmp_path / "out.parquet").to_pylist()
    for row in rows:
        row.update({field: json.loads(row[field]) for field, kind in kinds.items() if kind == "json"})
    assert rows == expected


def _read(cell: str, kind: str) -> Any:
    if cell == "":
        return None
    if kind == "text":
        return cell
    return {"number": float, "integer": int}.get(kind, json.loads)(cell)


def test_without_a_file_the_terminal_gets_it(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    write(engine, "modality", "csv", None)
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 27
    with pytest.raises(UserError, match="add --out FILE"):
        write(engine, "modality", "parquet", None)


def test_an_empty_database_exports_nothing_but_headings(database_url: str, tmp_path: Path) -> None:
    engine = session.create(database_url)
    for name, export in EXPORTS.items():
        assert _jsonl(engine, name, tmp_path) == []
        write(engine, name, "csv", tmp_path / "out.csv")
        assert (tmp_path / "out.csv").read_text().strip().split(",") == list(export.fields)
        write(engine, name, "parquet", tmp_path / "out.parquet")
        assert pyarrow.parquet.read_table(tmp_path / "out.parquet").column_names == list(export.fields)


def test_a_number_that_is_none_becomes_null(small_database: str, tmp_path: Path) -> None:
    engine = session.create(small_database)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE explanation SET image_share = NULL, r2 = 9e999")
    records = _jsonl(engine, "explanations", tmp_path)
    assert {(record["image_share"], record["r2"]) for record in records} == {(None, None)}


def test_what_writes_at_the_same_time_does_not_stop_an_export(small_database: str) -> None:
    writer = Writer(session.create(small_database))
    records = EXPORTS["explanations"].records(session.open_read_only(small_database))
    next(records)
    writer.start_run(settings={}, settings_hash="other", seed=0, versions={}, dataset="", artifacts="")
    assert sum(1 for _ in records) == 56
