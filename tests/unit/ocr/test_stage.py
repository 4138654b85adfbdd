"""The ocr stage reads what nobody has read, once."""

from __future__ import annotations

import numpy as np
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.errors import UserError
from db.tables import WorkUnit
from precompute.dataset.entries import ENGINE_PREFIX, NOT_READ, ReadEntry
from precompute.ocr.stage import OcrReport, read_texts
from tests.dataset_folder import DatasetFolder, Ingestion, entry


class BrightnessReader:
    """An engine that 'reads' how bright a picture is; besides, what a real one may deliver by mistake."""

    name = "brightness"

    def read(self, picture: Image.Image) -> list[ReadEntry]:
        width, height = picture.size
        whole = ((-5.0, 0.0), (float(width), 0.0), (float(width), height + 9.0))
        beside = tuple((x + 1000, y) for x, y in whole)
        text = f"{np.asarray(picture).mean():.3f} {width}x{height}\0"
        return [ReadEntry(text, whole, 0.9), ReadEntry(" ", whole, 0.9), ReadEntry("beside", beside, 0.9)]


class FailingReader:
    """An engine that cannot read."""

    name = "failing"

    def read(self, picture: Image.Image) -> list[ReadEntry]:
        raise ValueError("no ink")


class AbsentReader:
    """An engine that is not installed."""

    name = "absent"

    def __init__(self) -> None:
        raise UserError("install it")

    def read(self, picture: Image.Image) -> list[ReadEntry]:
        raise NotImplementedError


def read(
    ingestion: Ingestion, folder: DatasetFolder, make_engine: type = BrightnessReader, workers: int = 1
) -> OcrReport:
    return read_texts(ingestion.engine, folder.root, ingestion.run_id, workers, make_engine=make_engine)


def test_only_samples_without_ocr_key_are_read(folder: DatasetFolder, ingestion: Ingestion) -> None:
    for name in ("unnamed", "silent", "given", "none"):
        folder.picture(f"train/a/{name}.jpg")
    folder.metadata(
        "train",
        {"file_name": "a/silent.jpg", "label": "a"},
        {"file_name": "a/given.jpg", "ocr": [entry("given")]},
        {"file_name": "a/none.jpg", "ocr": []},
    )
    ingestion(folder)
    assert read(ingestion, folder) == OcrReport(read=2, failed=0)
    texts = {path: [e.text for e in sample.entries] for path, sample in ingestion.samples().items()}
    assert texts["train/a/given.jpg"] == ["given"]
    assert texts["train/a/none.jpg"] == []
    assert [len(texts[f"train/a/{name}.jpg"]) for name in ("unnamed", "silent")] == [1, 1]


def test_what_is_read_is_cleaned_and_clipped(folder: DatasetFolder, ingestion: Ingestion) -> None:
    folder.picture("train/a/x.jpg", size=(40, 30), orientation=6)
    ingestion(folder)
    read(ingestion, folder)
    (only,) = ingestion.samples()["train/a/x.jpg"].entries
    assert only.text.endswith("30x40\ufffd"), "the engine sees the upright picture"
    assert all(0 <= x <= 30 and 0 <= y <= 40 for x, y in only.polygon)


def test_nothing_is_read_twice_even_if_the_folder_is_ingested_again(
    folder: DatasetFolder, ingestion: Ingestion
) -> None:
    file = folder.picture("train/a/x.jpg")
    ingestion(folder)
    read(ingestion, folder)
    before = ingestion.samples()["train/a/x.jpg"]
    assert before.entries_hash.startswith(ENGINE_PREFIX)
    file.touch()
    ingestion(folder)
    assert read(ingestion, folder) == OcrReport(read=0, failed=0)
    after = ingestion.samples()["train/a/x.jpg"]
    assert (after.id, after.entries_hash, len(after.entries)) == (before.id, before.entries_hash, 1)


def test_a_changed_picture_is_read_again(folder: DatasetFolder, ingestion: Ingestion) -> None:
    folder.picture("train/a/x.jpg")
    ingestion(folder)
    read(ingestion, folder)
    before = ingestion.samples()["train/a/x.jpg"].entries[0].text
    folder.picture("train/a/x.jpg", content="another")
    ingestion(folder)
    assert read(ingestion, folder).read == 1
    assert ingestion.samples()["train/a/x.jpg"].entries[0].text != before


def test_text_that_metadata_brings_later_takes_the_place_of_what_was_read(
    folder: DatasetFolder, ingestion: Ingestion
) -> None:
    folder.picture("train/a/x.jpg")
    ingestion(folder)
    read(ingestion, folder)
    folder.metadata("train", {"file_name": "a/x.jpg", "ocr": [entry("given")]})
    assert ingestion(folder).changed == 1
    assert read(ingestion, folder).read == 0
    assert [e.text for e in ingestion.samples()["train/a/x.jpg"].entries] == ["given"]


def test_a_failure_is_reported_and_tried_again(folder: DatasetFolder, ingestion: Ingestion) -> None:
    folder.picture("train/a/x.jpg")
    ingestion(folder)
    assert read(ingestion, folder, FailingReader) == OcrReport(read=0, failed=1)
    (problem,) = ingestion.problems()
    assert (problem.stage, problem.sample) == ("ocr", "train/a/x.jpg")
    assert problem.message == "failing cannot read it (no ink); replace the picture or give its text in metadata.jsonl"
    with Session(ingestion.engine) as session:
        assert session.scalars(select(WorkUnit.status).where(WorkUnit.stage == "ocr")).all() == ["failed"]
    assert ingestion.samples()["train/a/x.jpg"].entries_hash == NOT_READ
    assert read(ingestion, folder) == OcrReport(read=1, failed=0)
    assert ingestion.problems() == []


def test_a_picture_that_broke_after_it_was_ingested_is_reported(folder: DatasetFolder, ingestion: Ingestion) -> None:
    file = folder.picture("train/a/x.jpg")
    ingestion(folder)
    file.unlink()
    assert read(ingestion, folder).failed == 1
    assert "cannot be read as a picture" in ingestion.problems()[0].message


def test_worker_processes_read_the_same(folder: DatasetFolder, ingestion: Ingestion) -> None:
    for i in range(5):
        folder.picture(f"train/a/{i}.jpg")
    ingestion(folder)
    assert read(ingestion, folder, workers=2).read == 5
    twin = BrightnessReader()
    for path, sample in ingestion.samples().items():
        expected = twin.read(Image.open(folder.root / path))[0].text.replace("\0", "\ufffd")
        assert [e.text for e in sample.entries] == [expected]


def test_a_missing_engine_ends_the_stage_only_if_there_is_something_to_read(
    folder: DatasetFolder, ingestion: Ingestion
) -> None:
    folder.picture("train/a/x.jpg")
    folder.metadata("train", {"file_name": "a/x.jpg", "ocr": []})
    ingestion(folder)
    assert read(ingestion, folder, AbsentReader) == OcrReport(read=0, failed=0)
    folder.picture("train/a/y.jpg")
    ingestion(folder)
    try:
        read(ingestion, folder, AbsentReader, workers=2)
    except UserError as error:
        assert str(error) == "install it"
    else:
        raise AssertionError("the missing engine went unnoticed")
