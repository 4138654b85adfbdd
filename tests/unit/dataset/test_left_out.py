"""Nothing of a data set is lost without a word: what no reader takes is listed, the rest goes on."""

from __future__ import annotations

import pytest

from tests.dataset_folder import DatasetFolder, Ingestion, entry


@pytest.fixture
def folder(folder: DatasetFolder) -> DatasetFolder:
    folder.picture("train/milk/good.png")
    folder.picture("test/milk/good.png")
    return folder


def told(ingestion: Ingestion) -> dict[str, str]:
    return {problem.file: problem.message for problem in ingestion.problems()}


@pytest.mark.parametrize("suffix", [".HEIC", ".avif", ".jp2", ".tga", ".dng"])
def test_pictures_that_no_reader_takes_are_listed(folder: DatasetFolder, ingestion: Ingestion, suffix: str) -> None:
    folder.text(f"train/milk/other{suffix}", "a picture of another kind")
    ingestion(folder)
    name = f"train/milk/other{suffix}"
    assert list(told(ingestion)) == [name]
    assert f"{suffix} are not read; convert it" in told(ingestion)[name]
    assert len(ingestion.samples()) == 2


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.parquet"])
def test_labels_and_texts_in_another_form_are_listed(folder: DatasetFolder, ingestion: Ingestion, name: str) -> None:
    folder.text(f"train/{name}", "file_name,label\nmilk/good.png,cream\n")
    ingestion(folder)
    assert "metadata.jsonl" in told(ingestion)[f"train/{name}"]


def test_a_hidden_folder_that_holds_pictures_is_listed(folder: DatasetFolder, ingestion: Ingestion) -> None:
    folder.picture("train/.5 l cola/a.png")
    folder.text("train/.cache/index.txt", "no picture")
    folder.picture("train/milk/._good.png")
    ingestion(folder)
    assert list(told(ingestion)) == ["train/.5 l cola"]
    assert "rename it" in told(ingestion)["train/.5 l cola"]


def test_a_class_called_masks_is_listed_and_masks_of_samples_are_not(
    folder: DatasetFolder, ingestion: Ingestion
) -> None:
    folder.picture("masks/a.png")
    folder.picture("masks/b.png")
    folder.picture("masks/train/milk/good.png")
    ingestion(folder)
    problems = told(ingestion)
    assert problems["masks"].startswith("2 pictures are left out")
    assert "masks/train/milk" not in problems


def test_paths_written_on_windows_name_their_pictures(folder: DatasetFolder, ingestion: Ingestion) -> None:
    folder.metadata("train", {"file_name": "milk\\good.png", "label": "cream", "ocr": [entry("GRADDE")]})
    ingestion(folder)
    assert ingestion.labels()["train/milk/good.png"] == "cream"
    assert told(ingestion) == {}


def test_a_backslash_that_belongs_to_a_name_stays_one(folder: DatasetFolder, ingestion: Ingestion) -> None:
    folder.picture("train/milk/a\\b.png")
    folder.metadata("train", {"file_name": "milk/a\\b.png", "label": "cream"})
    ingestion(folder)
    assert ingestion.labels()["train/milk/a\\b.png"] == "cream"
