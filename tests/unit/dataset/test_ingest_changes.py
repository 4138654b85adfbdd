"""What a second ingest makes of pictures, texts, masks and classes that changed."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.schema.tables import Category, Evidence, Mask, Picture, Sample, WorkUnit
from precompute.dataset.ingest import IngestReport
from tests.dataset_folder import DatasetFolder, Ingestion
from tests.unit.dataset.filled_folder import mark, marked


def test_an_added_picture_is_noticed_and_the_others_keep_their_results(
    filled: DatasetFolder, ingestion: Ingestion
) -> None:
    ingestion(filled)
    mark(ingestion)
    before = marked(ingestion)
    filled.picture("train/milk/new.jpg")
    assert ingestion(filled) == IngestReport(added=1, changed=0, removed=0, unchanged=8, skipped=0)
    assert marked(ingestion) == before


def test_a_changed_picture_is_replaced_with_all_that_hung_on_it(filled: DatasetFolder, ingestion: Ingestion) -> None:
    ingestion(filled)
    mark(ingestion)
    before = marked(ingestion)
    filled.picture("train/milk/1.jpg", content="another")
    assert ingestion(filled) == IngestReport(added=0, changed=1, removed=0, unchanged=7, skipped=0)
    assert before - marked(ingestion) == {"train/milk/1.jpg"}


def test_a_changed_text_is_noticed(filled: DatasetFolder, ingestion: Ingestion) -> None:
    ingestion(filled)
    mark(ingestion)
    before = marked(ingestion)
    metadata = filled.root / "train/metadata.jsonl"
    metadata.write_text(metadata.read_text().replace('"text": "2"', '"text": "two"', 1))
    assert ingestion(filled).changed == 1
    assert before - marked(ingestion) == {"train/milk/2.jpg"}
    assert [e.text for e in ingestion.samples()["train/milk/2.jpg"].entries] == ["milk", "two"]


def test_a_touched_picture_keeps_its_row(filled: DatasetFolder, ingestion: Ingestion) -> None:
    ingestion(filled)
    mark(ingestion)
    before = marked(ingestion)
    (filled.root / "train/milk/1.jpg").touch()
    assert ingestion(filled).unchanged == 8
    assert marked(ingestion) == before


def test_changed_evidence_and_masks_are_followed_without_losing_results(
    filled: DatasetFolder, ingestion: Ingestion
) -> None:
    ingestion(filled)
    mark(ingestion)
    before = marked(ingestion)
    metadata = filled.root / "test/metadata.jsonl"
    metadata.write_text(metadata.read_text().replace('"entry": 1', '"entry": 0'))
    (filled.root / "masks/test/milk/0.png").unlink()
    assert ingestion(filled).unchanged == 8
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


def test_a_deleted_picture_goes(filled: DatasetFolder, ingestion: Ingestion) -> None:
    ingestion(filled)
    filled.metadata("train", *(filled.root / "train/metadata.jsonl").read_text().splitlines()[1:])
    (filled.root / "train/milk/0.jpg").unlink()
    assert ingestion(filled) == IngestReport(added=0, changed=0, removed=1, unchanged=7, skipped=0)
    assert "train/milk/0.jpg" not in ingestion.samples()


def test_a_class_without_samples_goes(filled: DatasetFolder, ingestion: Ingestion) -> None:
    ingestion(filled)
    for split in ("train", "test"):
        file = filled.root / split / "metadata.jsonl"
        filled.metadata(split, *[line for line in file.read_text().splitlines() if "yoghurt" not in line])
        for picture in (filled.root / split / "yoghurt").iterdir():
            picture.unlink()
    assert ingestion(filled).removed == 4
    assert {row[2] for row in ingestion.rows(Category)} == {"milk"}
    assert {row[0] for row in ingestion.rows(WorkUnit, without=("id", "run_id", "stage", "settings_hash"))} == {
        "train/milk",
        "test/milk",
    }


def test_a_sample_moves_to_another_class_and_back(filled: DatasetFolder, ingestion: Ingestion) -> None:
    ingestion(filled)
    metadata = filled.root / "train/metadata.jsonl"
    before = metadata.read_text()
    for label, other in (("milk", "yoghurt"), ("yoghurt", "milk")):  # in either order of the units
        metadata.write_text(
            before.replace(
                f'"file_name": "{label}/1.jpg", "label": "{label}"', f'"file_name": "{label}/1.jpg", "label": "{other}"'
            )
        )
        moved = IngestReport(added=0, changed=1, removed=0, unchanged=7, skipped=0)
        assert ingestion(filled) == moved
        assert ingestion.labels()[f"train/{label}/1.jpg"] == other
        metadata.write_text(before)
        assert ingestion(filled) == moved
        assert ingestion.labels()[f"train/{label}/1.jpg"] == label
        assert len(ingestion.samples()) == 8


def test_a_kill_between_two_units_of_a_move_is_mended_even_if_the_move_is_taken_back(
    filled: DatasetFolder, ingestion: Ingestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingestion(filled)
    metadata = filled.root / "train/metadata.jsonl"
    before = metadata.read_text()
    metadata.write_text(before.replace('"yoghurt/1.jpg", "label": "yoghurt"', '"yoghurt/1.jpg", "label": "milk"'))

    class KilledError(Exception):
        pass

    def kill(done: int, total: int, throughput: str = "") -> None:
        if ingestion.labels().get("train/yoghurt/1.jpg") == "milk":
            raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr("precompute.engine.progress_bar", lambda title, unit: nullcontext(kill))
        with pytest.raises(KilledError):
            ingestion(filled)
    assert len(ingestion.samples()) == 8, "nothing is there twice at any time"
    metadata.write_text(before)
    ingestion(filled)
    assert ingestion.labels()["train/yoghurt/1.jpg"] == "yoghurt"
    assert len(ingestion.samples()) == 8


def test_pictures_of_unchanged_samples_are_left_alone_when_their_class_is_done_again(
    filled: DatasetFolder, ingestion: Ingestion
) -> None:
    ingestion(filled)
    before = {row for row in ingestion.rows(Picture) if row[1] != "sprite"}
    filled.picture("train/milk/new.jpg")
    ingestion(filled)
    assert before < set(ingestion.rows(Picture))
