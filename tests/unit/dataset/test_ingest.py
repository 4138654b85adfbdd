"""The data set stage keeps the database in step with the folder, and computes nothing twice."""

from __future__ import annotations

import io
import json
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.schema.tables import Category, Evidence, Mask, OcrEntry, Picture, Sample, Segmentation, WorkUnit
from precompute.dataset.ingest import IngestReport
from tests.dataset_folder import SQUARE, DatasetFolder, Ingestion, entry
from tests.decoded import open_upright
from tests.run_context import Bars

TABLES = (Category, Sample, OcrEntry, Evidence, Mask, Picture)


@pytest.fixture
def folder(folder: DatasetFolder) -> DatasetFolder:
    """Two classes of three samples each in train, one in test, with text, evidence and a mask."""
    for split, numbers in (("train", range(3)), ("test", range(1))):
        rows = []
        for label in ("milk", "yoghurt"):
            for i in numbers:
                folder.picture(f"{split}/{label}/{i}.jpg")
                evidence = [{"kind": "entry", "entry": 1}, {"kind": "region", "polygon": SQUARE}]
                ocr = [entry(label), entry(str(i), confidence=None)]
                rows.append({"file_name": f"{label}/{i}.jpg", "label": label, "ocr": ocr, "evidence": evidence})
        folder.metadata(split, *rows)
    mask = folder.root / "masks/test/milk/0.png"
    mask.parent.mkdir(parents=True)
    Image.new("L", (40, 30), 255).save(mask)
    return folder


def mark(ingestion: Ingestion) -> None:
    """Let something hang on every sample, as later stages do."""
    with Session(ingestion.engine) as session, session.begin():
        for sample_id in session.scalars(select(Sample.id)):
            session.add(
                Segmentation(sample_id=sample_id, settings_hash="", segments=1, width=1, height=1, label_map=b"")
            )


def marked(ingestion: Ingestion) -> set[str]:
    with Session(ingestion.engine) as session:
        return set(session.scalars(select(Sample.path).join(Segmentation)))


def test_everything_of_a_sample_is_stored(folder: DatasetFolder, ingestion: Ingestion) -> None:
    assert ingestion(folder) == IngestReport(added=8, changed=0, removed=0, unchanged=0, skipped=0)
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


def test_a_second_run_rewrites_nothing(folder: DatasetFolder, ingestion: Ingestion) -> None:
    ingestion(folder)
    tables = (*TABLES, WorkUnit)
    before = [ingestion.rows(table) for table in tables]
    assert ingestion(folder) == IngestReport(added=0, changed=0, removed=0, unchanged=8, skipped=0)
    assert [ingestion.rows(table) for table in tables] == before


def test_workers_do_not_change_a_byte(folder: DatasetFolder, ingestion: Ingestion, tmp_path: Path) -> None:
    for i in range(3, 12):
        folder.picture(f"train/milk/{i}.jpg")  # enough work for two processes
    other = Ingestion(f"sqlite:///{tmp_path}/other.db")
    ingestion(folder, workers=1)
    other(folder, workers=2)
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


def test_an_added_picture_is_noticed_and_the_others_keep_their_results(
    folder: DatasetFolder, ingestion: Ingestion
) -> None:
    ingestion(folder)
    mark(ingestion)
    before = marked(ingestion)
    folder.picture("train/milk/new.jpg")
    assert ingestion(folder) == IngestReport(added=1, changed=0, removed=0, unchanged=8, skipped=0)
    assert marked(ingestion) == before


def test_a_changed_picture_is_replaced_with_all_that_hung_on_it(folder: DatasetFolder, ingestion: Ingestion) -> None:
    ingestion(folder)
    mark(ingestion)
    before = marked(ingestion)
    folder.picture("train/milk/1.jpg", content="another")
    assert ingestion(folder) == IngestReport(added=0, changed=1, removed=0, unchanged=7, skipped=0)
    assert before - marked(ingestion) == {"train/milk/1.jpg"}


def test_a_changed_text_is_noticed(folder: DatasetFolder, ingestion: Ingestion) -> None:
    ingestion(folder)
    mark(ingestion)
    before = marked(ingestion)
    metadata = folder.root / "train/metadata.jsonl"
    metadata.write_text(metadata.read_text().replace('"text": "2"', '"text": "two"', 1))
    assert ingestion(folder).changed == 1
    assert before - marked(ingestion) == {"train/milk/2.jpg"}
    assert [e.text for e in ingestion.samples()["train/milk/2.jpg"].entries] == ["milk", "two"]


def test_a_touched_picture_keeps_its_row(folder: DatasetFolder, ingestion: Ingestion) -> None:
    ingestion(folder)
    mark(ingestion)
    before = marked(ingestion)
    (folder.root / "train/milk/1.jpg").touch()
    assert ingestion(folder).unchanged == 8
    assert marked(ingestion) == before


def test_changed_evidence_and_masks_are_followed_without_losing_results(
    folder: DatasetFolder, ingestion: Ingestion
) -> None:
    ingestion(folder)
    mark(ingestion)
    before = marked(ingestion)
    metadata = folder.root / "test/metadata.jsonl"
    metadata.write_text(metadata.read_text().replace('"entry": 1', '"entry": 0'))
    (folder.root / "masks/test/milk/0.png").unlink()
    assert ingestion(folder).unchanged == 8
    assert marked(ingestion) == before
    with Session(ingestion.engine) as session:
        changed = select(Evidence.entry_position).join(Sample).where(Sample.split == "test", Evidence.kind == "entry")
        assert session.scalars(changed).all() == [0, 0]
        assert session.scalars(select(Mask)).all() == []


def test_a_sample_that_moves_to_the_other_split_is_changed_and_loses_its_results(
    tmp_path: Path, ingestion: Ingestion
) -> None:
    unsplit = DatasetFolder(tmp_path / "unsplit")
    for number in range(8):
        unsplit.picture(f"milk/{number}.jpg")
    ingestion(unsplit, dataset={"test_share": 0.25})
    mark(ingestion)
    before = {path: sample.split for path, sample in ingestion.samples().items()}
    report = ingestion(unsplit, dataset={"test_share": 0.5})
    after = {path: sample.split for path, sample in ingestion.samples().items()}
    moved = {path for path in after if after[path] != before[path]}
    assert moved
    assert report == IngestReport(added=0, changed=len(moved), removed=0, unchanged=8 - len(moved), skipped=0)
    assert marked(ingestion) == set(after) - moved


def test_a_deleted_picture_goes(folder: DatasetFolder, ingestion: Ingestion) -> None:
    ingestion(folder)
    folder.metadata("train", *(folder.root / "train/metadata.jsonl").read_text().splitlines()[1:])
    (folder.root / "train/milk/0.jpg").unlink()
    assert ingestion(folder) == IngestReport(added=0, changed=0, removed=1, unchanged=7, skipped=0)
    assert "train/milk/0.jpg" not in ingestion.samples()


def test_a_class_without_samples_goes(folder: DatasetFolder, ingestion: Ingestion) -> None:
    ingestion(folder)
    for split in ("train", "test"):
        file = folder.root / split / "metadata.jsonl"
        folder.metadata(split, *[line for line in file.read_text().splitlines() if "yoghurt" not in line])
        for picture in (folder.root / split / "yoghurt").iterdir():
            picture.unlink()
    assert ingestion(folder).removed == 4
    assert {row[2] for row in ingestion.rows(Category)} == {"milk"}
    assert {row[0] for row in ingestion.rows(WorkUnit, without=("id", "run_id", "stage", "settings_hash"))} == {
        "train/milk",
        "test/milk",
    }


def test_a_sample_moves_to_another_class_and_back(folder: DatasetFolder, ingestion: Ingestion) -> None:
    ingestion(folder)
    metadata = folder.root / "train/metadata.jsonl"
    before = metadata.read_text()
    for label, other in (("milk", "yoghurt"), ("yoghurt", "milk")):  # in either order of the units
        metadata.write_text(
            before.replace(
                f'"file_name": "{label}/1.jpg", "label": "{label}"', f'"file_name": "{label}/1.jpg", "label": "{other}"'
            )
        )
        moved = IngestReport(added=0, changed=1, removed=0, unchanged=7, skipped=0)
        assert ingestion(folder) == moved
        assert ingestion.labels()[f"train/{label}/1.jpg"] == other
        metadata.write_text(before)
        assert ingestion(folder) == moved
        assert ingestion.labels()[f"train/{label}/1.jpg"] == label
        assert len(ingestion.samples()) == 8


def test_a_kill_between_two_units_of_a_move_is_mended_even_if_the_move_is_taken_back(
    folder: DatasetFolder, ingestion: Ingestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingestion(folder)
    metadata = folder.root / "train/metadata.jsonl"
    before = metadata.read_text()
    metadata.write_text(before.replace('"yoghurt/1.jpg", "label": "yoghurt"', '"yoghurt/1.jpg", "label": "milk"'))

    class KilledError(Exception):
        pass

    def kill(done: int, total: int, pace: str = "") -> None:
        if ingestion.labels().get("train/yoghurt/1.jpg") == "milk":
            raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr("precompute.engine.progress_bar", lambda title, unit: nullcontext(kill))
        with pytest.raises(KilledError):
            ingestion(folder)
    assert len(ingestion.samples()) == 8, "nothing is there twice at any time"
    metadata.write_text(before)
    ingestion(folder)
    assert ingestion.labels()["train/yoghurt/1.jpg"] == "yoghurt"
    assert len(ingestion.samples()) == 8


def test_pictures_of_unchanged_samples_are_left_alone_when_their_class_is_done_again(
    folder: DatasetFolder, ingestion: Ingestion
) -> None:
    ingestion(folder)
    before = {row for row in ingestion.rows(Picture) if row[1] != "sprite"}
    folder.picture("train/milk/new.jpg")
    ingestion(folder)
    assert before < set(ingestion.rows(Picture))


def test_another_display_size_makes_other_pictures_of_the_same_samples(
    folder: DatasetFolder, ingestion: Ingestion
) -> None:
    folder.picture("train/milk/large.jpg", size=(400, 300))
    ingestion(folder)
    mark(ingestion)
    assert ingestion(folder, dataset={"display_size": 64}).unchanged == 9
    assert len(marked(ingestion)) == 9
    with Session(ingestion.engine) as session:
        sizes = session.execute(
            select(Picture.width, Picture.height)
            .join(Sample, Picture.sample_id == Sample.id)
            .where(Sample.path == "train/milk/large.jpg", Picture.kind == "display")
        )
        assert [tuple(size) for size in sizes] == [(64, 48)]


def test_the_sprite_sheet_holds_every_thumbnail_in_the_order_of_its_layout(
    folder: DatasetFolder, ingestion: Ingestion
) -> None:
    (folder.root / "train/milk/1.jpg").write_text("broken")
    ingestion(folder)
    with Session(ingestion.engine) as session:
        category = select(Category.id).where(Category.label == "milk").scalar_subquery()
        sprite = session.scalars(select(Picture).where(Picture.category_id == category, Picture.split == "train")).one()
        assert sprite.layout == {"tile": 128, "columns": 2, "samples": ["train/milk/0.jpg", "train/milk/2.jpg"]}
        sheet = Image.open(io.BytesIO(sprite.content)).convert("L")
    assert sheet.size == (sprite.width, sprite.height) == (256, 128)
    for column, number in enumerate((0, 2)):
        left, top = column * 128 + (128 - 40) // 2, (128 - 30) // 2
        original = open_upright(folder.root / f"train/milk/{number}.jpg").convert("L")
        assert correlation(sheet.crop((left, top, left + 40, top + 30)), original) > 0.9


def correlation(a: Image.Image, b: Image.Image) -> float:
    return float(np.corrcoef(np.asarray(a).ravel(), np.asarray(b).ravel())[0, 1])


def test_exif_orientation_turns_picture_and_polygons_alike(folder: DatasetFolder, ingestion: Ingestion) -> None:
    folder.picture("train/milk/turned.jpg", size=(40, 30), orientation=6)
    metadata = folder.root / "train/metadata.jsonl"
    row = '{"file_name": "milk/turned.jpg", "ocr": [{"text": "x", "polygon": [[0, 0], [10, 0], [10, 5], [-9, 5]]}]}\n'
    metadata.write_text(metadata.read_text() + row)
    ingestion(folder)
    sample = ingestion.samples()["train/milk/turned.jpg"]
    assert (sample.width, sample.height) == open_upright(folder.root / sample.path).size == (30, 40)
    assert [tuple(point) for point in sample.entries[0].polygon] == [(30, 0), (30, 10), (25, 10), (25, 0)]


def test_text_that_a_database_refuses_is_cleaned(folder: DatasetFolder, engine_url: str) -> None:
    row = json.dumps({"file_name": "milk/x.jpg", "label": "a\0b", "ocr": [entry("\ud800\0MJ")]})
    folder.picture("test/milk/x.jpg")
    folder.metadata("test", row)
    ingestion = Ingestion(engine_url)
    ingestion(folder)
    sample = ingestion.samples()["test/milk/x.jpg"]
    assert (sample.category.label, sample.entries[0].text) == ("a\ufffdb", "\ufffd\ufffdMJ")
    ingestion.engine.dispose()


def test_the_stage_works_on_each_database_engine(folder: DatasetFolder, engine_url: str) -> None:
    ingestion = Ingestion(engine_url)
    (folder.root / "train/milk/1.jpg").write_text("broken")
    assert ingestion(folder) == IngestReport(added=7, changed=0, removed=0, unchanged=0, skipped=1)
    (folder.root / "test/milk/0.jpg").unlink()
    assert ingestion(folder) == IngestReport(added=0, changed=0, removed=1, unchanged=6, skipped=2)
    ingestion.engine.dispose()


def test_progress_counts_every_sample_once(folder: DatasetFolder, ingestion: Ingestion, bars: Bars) -> None:
    for number in range(3, 11):
        folder.picture(f"train/milk/{number}.jpg")
    ingestion(folder)
    # test/milk and test/yoghurt, then the 11 of train/milk in two jobs of an equal share, then train/yoghurt
    assert bars == [(0, 16), (1, 16), (2, 16), (8, 16), (13, 16), (16, 16)]
    bars.clear()
    ingestion(folder)
    assert bars == [], "nothing to do"
    folder.picture("test/milk/0.jpg", content="another")
    ingestion(folder)
    assert bars == [(0, 1), (1, 1)]
