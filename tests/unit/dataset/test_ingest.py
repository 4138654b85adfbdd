"""What ingest stores of a data set, on each database engine and with any number of workers."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
from PIL import Image
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.schema.tables import Category, Evidence, Mask, OcrEntry, Picture, Sample, WorkUnit
from precompute.dataset.ingest import IngestReport
from tests.dataset_folder import SQUARE, DatasetFolder, Ingestion, entry
from tests.decoded import open_upright
from tests.run_context import Bars
from tests.unit.dataset.filled_folder import mark, marked

TABLES = (Category, Sample, OcrEntry, Evidence, Mask, Picture)


def test_everything_of_a_sample_is_stored(filled: DatasetFolder, ingestion: Ingestion) -> None:
    assert ingestion(filled) == IngestReport(added=8, changed=0, removed=0, unchanged=0, skipped=0)
    sample = ingestion.samples()["test/milk/0.jpg"]
    assert (sample.split, sample.category.label, sample.width, sample.height) == ("test", "milk", 40, 30)
    assert [(e.position, e.text, e.confidence) for e in sample.entries] == [(0, "milk", 0.5), (1, "0", None)]
    assert [[list(point) for point in e.polygon] for e in sample.entries] == [SQUARE, SQUARE]
    with Session(ingestion.engine) as session:
        evidence = session.scalars(select(Evidence).where(Evidence.sample_id == sample.id)).all()
        assert [(e.kind, e.entry_position) for e in evidence] == [("entry", 1), ("region", None)]
        mask = session.get_one(Mask, sample.id)
        assert Image.open(io.BytesIO(mask.content)).getextrema() == (255, 255)
        assert session.scalar(select(func.count()).select_from(Mask)) == 1


def test_a_second_run_rewrites_nothing(filled: DatasetFolder, ingestion: Ingestion) -> None:
    ingestion(filled)
    tables = (*TABLES, WorkUnit)
    before = [ingestion.rows(table) for table in tables]
    assert ingestion(filled) == IngestReport(added=0, changed=0, removed=0, unchanged=8, skipped=0)
    assert [ingestion.rows(table) for table in tables] == before


def test_workers_do_not_change_a_byte(filled: DatasetFolder, ingestion: Ingestion, tmp_path: Path) -> None:
    for i in range(3, 12):
        filled.picture(f"train/milk/{i}.jpg")  # enough work for two processes
    other = Ingestion(f"sqlite:///{tmp_path}/other.db")
    ingestion(filled, workers=1)
    other(filled, workers=2)
    assert contents(other) == contents(ingestion)
    other.engine.dispose()


def contents(ingestion: Ingestion) -> list[set[tuple[object, ...]]]:
    """All that is stored, with names in place of keys, which follow the order in which units are finished."""
    with Session(ingestion.engine) as session:
        paths = dict(session.execute(select(Sample.id, Sample.path)).tuples().all())
        labels = dict(session.execute(select(Category.id, Category.label)).tuples().all())
    names = {"sample_id": paths, "category_id": labels}
    found = []
    for table in TABLES:
        columns = [column.name for column in table.__table__.columns if column.name != "id"]
        rows = [dict(zip(columns, row, strict=True)) for row in ingestion.rows(table, without=("id",))]
        found.append({tuple(names.get(name, {}).get(value, value) for name, value in row.items()) for row in rows})
        assert len(found[-1]) == len(rows)
    return found


def test_another_display_size_makes_other_pictures_of_the_same_samples(
    filled: DatasetFolder, ingestion: Ingestion
) -> None:
    filled.picture("train/milk/large.jpg", size=(400, 300))
    ingestion(filled)
    mark(ingestion)
    assert ingestion(filled, dataset={"display_size": 64}).unchanged == 9
    assert len(marked(ingestion)) == 9
    with Session(ingestion.engine) as session:
        sizes = session.execute(
            select(Picture.width, Picture.height)
            .join(Sample, Picture.sample_id == Sample.id)
            .where(Sample.path == "train/milk/large.jpg", Picture.kind == "display")
        )
        assert [tuple(size) for size in sizes] == [(64, 48)]


def test_the_sprite_sheet_holds_every_thumbnail_in_the_order_of_its_layout(
    filled: DatasetFolder, ingestion: Ingestion
) -> None:
    (filled.root / "train/milk/1.jpg").write_text("broken")
    ingestion(filled)
    with Session(ingestion.engine) as session:
        category = select(Category.id).where(Category.label == "milk").scalar_subquery()
        sprite = session.scalars(select(Picture).where(Picture.category_id == category, Picture.split == "train")).one()
        assert sprite.layout == {"tile": 128, "columns": 2, "samples": ["train/milk/0.jpg", "train/milk/2.jpg"]}
        sheet = Image.open(io.BytesIO(sprite.content)).convert("L")
    assert sheet.size == (sprite.width, sprite.height) == (256, 128)
    for column, number in enumerate((0, 2)):
        left, top = column * 128 + (128 - 40) // 2, (128 - 30) // 2
        original = open_upright(filled.root / f"train/milk/{number}.jpg").convert("L")
        assert correlation(sheet.crop((left, top, left + 40, top + 30)), original) > 0.9


def correlation(a: Image.Image, b: Image.Image) -> float:
    return float(np.corrcoef(np.asarray(a).ravel(), np.asarray(b).ravel())[0, 1])


def test_exif_orientation_turns_picture_and_polygons_alike(filled: DatasetFolder, ingestion: Ingestion) -> None:
    filled.picture("train/milk/turned.jpg", size=(40, 30), orientation=6)
    metadata = filled.root / "train/metadata.jsonl"
    row = '{"file_name": "milk/turned.jpg", "ocr": [{"text": "x", "polygon": [[0, 0], [10, 0], [10, 5], [-9, 5]]}]}\n'
    metadata.write_text(metadata.read_text() + row)
    ingestion(filled)
    sample = ingestion.samples()["train/milk/turned.jpg"]
    assert (sample.width, sample.height) == open_upright(filled.root / sample.path).size == (30, 40)
    assert [tuple(point) for point in sample.entries[0].polygon] == [(30, 0), (30, 10), (25, 10), (25, 0)]


def test_text_that_a_database_refuses_is_cleaned(filled: DatasetFolder, engine_url: str) -> None:
    row = json.dumps({"file_name": "milk/x.jpg", "label": "a\0b", "ocr": [entry("\ud800\0MJ")]})
    filled.picture("test/milk/x.jpg")
    filled.metadata("test", row)
    ingestion = Ingestion(engine_url)
    ingestion(filled)
    sample = ingestion.samples()["test/milk/x.jpg"]
    assert (sample.category.label, sample.entries[0].text) == ("a\ufffdb", "\ufffd\ufffdMJ")
    ingestion.engine.dispose()


def test_the_stage_works_on_each_database_engine(filled: DatasetFolder, engine_url: str) -> None:
    ingestion = Ingestion(engine_url)
    (filled.root / "train/milk/1.jpg").write_text("broken")
    assert ingestion(filled) == IngestReport(added=7, changed=0, removed=0, unchanged=0, skipped=1)
    (filled.root / "test/milk/0.jpg").unlink()
    left = 2  # the line that names it, and its mask
    assert ingestion(filled) == IngestReport(added=0, changed=0, removed=1, unchanged=6, skipped=1 + left)
    ingestion.engine.dispose()


def test_progress_counts_every_sample_once(filled: DatasetFolder, ingestion: Ingestion, bars: Bars) -> None:
    for number in range(3, 11):
        filled.picture(f"train/milk/{number}.jpg")
    ingestion(filled)
    # test/milk and test/yoghurt, then the 11 of train/milk in two jobs of an equal share, then train/yoghurt
    assert bars == [(0, 16), (1, 16), (2, 16), (8, 16), (13, 16), (16, 16)]
    bars.clear()
    ingestion(filled)
    assert bars == [], "nothing to do"
    filled.picture("test/milk/0.jpg", content="another")
    ingestion(filled)
    assert bars == [(0, 1), (1, 1)]
