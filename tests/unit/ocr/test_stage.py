"""The ocr stage reads what nobody has read, once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.errors import UserError
from db.records.written import EntryRecord
from db.schema.tables import WorkUnit
from db.write.samples import ENGINE_PREFIX, NOT_READ
from precompute.ocr.stage import read_texts
from tests.dataset_folder import DatasetFolder, Ingestion, entry


class BrightnessReader:
    """An engine that 'reads' how bright a picture is; besides, what a real one may deliver by mistake."""

    name = "brightness"

    def read(self, picture: Image.Image) -> list[EntryRecord]:
        width, height = picture.size
        whole = ((-5.0, 0.0), (float(width), 0.0), (float(width), height + 9.0))
        beside = tuple((x + 1000, y) for x, y in whole)
        text = f"{np.asarray(picture).mean():.3f} {width}x{height}\0"
        return [EntryRecord(text, whole, 0.9), EntryRecord(" ", whole, 0.9), EntryRecord("beside", beside, 0.9)]


class FailingReader:
    """An engine that cannot read."""

    name = "failing"
    reads = 0

    def read(self, picture: Image.Image) -> list[EntryRecord]:
        type(self).reads += 1
        raise ValueError("no ink")


class AbsentReader:
    """An engine that is not installed."""

    name = "absent"

    def __init__(self) -> None:
        raise UserError("install it")

    def read(self, picture: Image.Image) -> list[EntryRecord]:
        raise NotImplementedError


class PickyReader(BrightnessReader):
    """An engine that cannot read small pictures."""

    def read(self, picture: Image.Image) -> list[EntryRecord]:
        if picture.width < 40:
            raise ValueError("no ink")
        return super().read(picture)


def read(
    ingestion: Ingestion, folder: DatasetFolder, make_engine: type = BrightnessReader, **options: Any
) -> tuple[int, int]:
    """Run the stage; returns how many were read now, and how many failed now or before."""
    report = read_texts(ingestion.context(folder, **options), make_engine=make_engine)
    return report.done, report.failed


def failures(ingestion: Ingestion) -> dict[str, str | None]:
    """The messages of failed units by their keys."""
    query = select(WorkUnit.key, WorkUnit.message).where(WorkUnit.stage == "ocr", WorkUnit.status == "failed")
    with Session(ingestion.engine) as session:
        return dict(session.execute(query).tuples().all())


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
    assert read(ingestion, folder) == (2, 0)
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
    assert read(ingestion, folder) == (0, 0)
    after = ingestion.samples()["train/a/x.jpg"]
    assert (after.id, after.entries_hash, len(after.entries)) == (before.id, before.entries_hash, 1)


def test_a_changed_picture_is_read_again(folder: DatasetFolder, ingestion: Ingestion) -> None:
    folder.picture("train/a/x.jpg")
    ingestion(folder)
    read(ingestion, folder)
    before = ingestion.samples()["train/a/x.jpg"].entries[0].text
    folder.picture("train/a/x.jpg", content="another")
    ingestion(folder)
    assert read(ingestion, folder) == (1, 0)
    assert ingestion.samples()["train/a/x.jpg"].entries[0].text != before


def test_text_that_metadata_brings_later_takes_the_place_of_what_was_read(
    folder: DatasetFolder, ingestion: Ingestion
) -> None:
    folder.picture("train/a/x.jpg")
    ingestion(folder)
    read(ingestion, folder)
    folder.metadata("train", {"file_name": "a/x.jpg", "ocr": [entry("given")]})
    assert ingestion(folder).changed == 1
    assert read(ingestion, folder) == (0, 0)
    assert [e.text for e in ingestion.samples()["train/a/x.jpg"].entries] == ["given"]


def test_a_failure_is_reported_and_tried_again_only_if_that_is_asked_for(
    folder: DatasetFolder, ingestion: Ingestion
) -> None:
    folder.picture("train/a/x.jpg")
    ingestion(folder)
    message = "failing cannot read it (no ink); replace the picture or give its text in metadata.jsonl"
    for _ in range(2):
        assert read(ingestion, folder, FailingReader) == (0, 1)
        assert failures(ingestion) == {"train/a/x.jpg": message}
    assert ingestion.problems() == [], "a failed unit is told once"
    assert ingestion.samples()["train/a/x.jpg"].entries_hash == NOT_READ
    FailingReader.reads = 0
    assert read(ingestion, folder, FailingReader) == (0, 1)
    assert FailingReader.reads == 0
    assert read(ingestion, folder, FailingReader, retry_failed=True) == (0, 1)
    assert FailingReader.reads == 1


def test_another_engine_tries_what_one_failed_on(folder: DatasetFolder, ingestion: Ingestion) -> None:
    folder.picture("train/a/x.jpg")
    ingestion(folder)
    assert read(ingestion, folder, FailingReader) == (0, 1)
    assert read(ingestion, folder) == (1, 0)
    assert failures(ingestion) == {}


def test_an_engine_that_fails_on_every_picture_ends_the_stage(folder: DatasetFolder, ingestion: Ingestion) -> None:
    for number in range(4):
        folder.picture(f"train/a/{number}.jpg")
    ingestion(folder)
    with pytest.raises(UserError, match=r"^ocr: aborted: the first 3 jobs all failed with: failing cannot read it"):
        read(ingestion, folder, FailingReader)
    assert failures(ingestion) == {}


def test_one_picture_that_cannot_be_read_does_not_end_the_stage(folder: DatasetFolder, ingestion: Ingestion) -> None:
    for number in range(3):
        folder.picture(f"train/a/{number}.jpg", size=(20, 30))
    folder.picture("train/a/0-whole.jpg")
    ingestion(folder)
    assert read(ingestion, folder, PickyReader) == (1, 3)
    assert failures(ingestion).keys() == {f"train/a/{number}.jpg" for number in range(3)}


def test_a_picture_that_is_gone_or_another_since_it_was_ingested_is_reported_and_tried_again(
    folder: DatasetFolder, ingestion: Ingestion
) -> None:
    file = folder.picture("train/a/x.jpg")
    content = file.read_bytes()
    ingestion(folder)
    folder.picture("train/a/x.jpg", content="another")
    assert read(ingestion, folder) == (0, 1)
    file.unlink()
    assert read(ingestion, folder) == (0, 1)
    (message,) = failures(ingestion).values()
    assert message.startswith(f"train/a/x.jpg: {file} cannot be read (No such file or directory); ")
    file.write_bytes(content)
    assert read(ingestion, folder) == (1, 0)
    assert failures(ingestion) == {}


def test_worker_processes_read_the_same(folder: DatasetFolder, ingestion: Ingestion) -> None:
    for i in range(5):
        folder.picture(f"train/a/{i}.jpg")
    ingestion(folder)
    assert read(ingestion, folder, workers=2) == (5, 0)
    reader = BrightnessReader()
    for path, sample in ingestion.samples().items():
        expected = reader.read(Image.open(folder.root / path))[0].text.replace("\0", "\ufffd")
        assert [e.text for e in sample.entries] == [expected]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_missing_engine_ends_the_stage_only_if_there_is_something_to_read(
    folder: DatasetFolder, ingestion: Ingestion, workers: int
) -> None:
    folder.picture("train/a/x.jpg")
    folder.metadata("train", {"file_name": "a/x.jpg", "ocr": []})
    ingestion(folder)
    assert read(ingestion, folder, AbsentReader, workers=workers) == (0, 0)
    folder.picture("train/a/y.jpg")
    folder.picture("train/a/z.jpg")
    ingestion(folder)
    with pytest.raises(UserError, match=r"^install it$"):
        read(ingestion, folder, AbsentReader, workers=workers)
    assert failures(ingestion) == {}
