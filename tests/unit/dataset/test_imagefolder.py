"""Which samples an ImageFolder holds, in which class and split."""

from __future__ import annotations

import unicodedata

import pytest

from db.errors import UserError
from tests.dataset_folder import DatasetFolder, Ingestion, entry


def test_metadata_wins_over_folder_names(folder: DatasetFolder, ingestion: Ingestion) -> None:
    folder.picture("train/wrong/x.jpg")
    folder.metadata("train", {"file_name": "wrong/x.jpg", "label": "right", "ocr": [entry()]})
    ingestion(folder)
    assert ingestion.labels() == {"train/wrong/x.jpg": "right"}


def test_without_metadata_the_folder_that_a_picture_lies_in_is_its_class(
    folder: DatasetFolder, ingestion: Ingestion
) -> None:
    folder.picture("train/dairy/milk/x.jpg")
    folder.picture("test/milk/y.png")
    ingestion(folder)
    assert ingestion.labels() == {"train/dairy/milk/x.jpg": "milk", "test/milk/y.png": "milk"}
    assert [sample.entries_hash for sample in ingestion.samples().values()] == ["", ""]


def test_a_picture_that_metadata_does_not_name_is_a_sample_with_text_still_to_be_read(
    folder: DatasetFolder, ingestion: Ingestion
) -> None:
    folder.picture("train/milk/named.jpg")
    folder.picture("train/milk/other.jpg")
    folder.metadata("train", {"file_name": "milk/named.jpg", "ocr": []})
    ingestion(folder)
    hashes = {path: sample.entries_hash for path, sample in ingestion.samples().items()}
    assert hashes["train/milk/other.jpg"] == ""
    assert hashes["train/milk/named.jpg"] != ""


def test_file_names_are_relative_to_the_folder_of_the_metadata_file(
    folder: DatasetFolder, ingestion: Ingestion
) -> None:
    folder.picture("train/x.jpg")
    folder.picture("train/deep/er/y.jpg")
    folder.metadata(".", {"file_name": "train/x.jpg", "label": "a"})
    folder.metadata("train/deep", {"file_name": "./er/y.jpg", "label": 7})
    ingestion(folder)
    assert ingestion.labels() == {"train/x.jpg": "a", "train/deep/er/y.jpg": "7"}


@pytest.mark.parametrize("name", ["val", "validation", "dev", "valid", "Test", "testing", "eval"])
def test_other_names_of_held_out_splits_mean_test(folder: DatasetFolder, ingestion: Ingestion, name: str) -> None:
    folder.picture("training/a/x.jpg")
    folder.picture(f"{name}/a/x.jpg")
    ingestion(folder)
    splits = {path: sample.split for path, sample in ingestion.samples().items()}
    assert splits == {"training/a/x.jpg": "train", f"{name}/a/x.jpg": "test"}


def test_a_folder_without_splits_is_split_by_class(folder: DatasetFolder, ingestion: Ingestion) -> None:
    for label, count in (("a", 6), ("b", 3), ("c", 1)):
        for i in range(count):
            folder.picture(f"{label}/{i}.jpg")
    ingestion(folder, dataset={"test_share": 1 / 3})
    tests = [label for path, label in ingestion.labels().items() if ingestion.samples()[path].split == "test"]
    assert sorted(tests) == ["a", "a", "b"]


def test_labels_are_compared_in_unicode_nfc(folder: DatasetFolder, ingestion: Ingestion) -> None:
    composed, decomposed = unicodedata.normalize("NFC", "Mjölk"), unicodedata.normalize("NFD", "Mjölk")
    folder.picture(f"train/{decomposed}/ö.jpg".replace("ö", unicodedata.normalize("NFD", "ö")))
    folder.picture("train/x/y.jpg")
    folder.metadata("train", {"file_name": f"{composed}/ö.jpg"}, {"file_name": "x/y.jpg", "label": decomposed})
    ingestion(folder)
    assert set(ingestion.labels().values()) == {composed}
    assert ingestion.problems() == []


def test_hidden_files_and_other_files_are_no_samples(folder: DatasetFolder, ingestion: Ingestion) -> None:
    folder.picture("train/a/x.jpg")
    folder.picture("train/a/._x.jpg")
    folder.text("train/a/notes.txt", "no picture")
    ingestion(folder)
    assert list(ingestion.samples()) == ["train/a/x.jpg"]


def test_classes_csv_gives_names_and_families(folder: DatasetFolder, ingestion: Ingestion) -> None:
    folder.picture("train/0731/x.jpg")
    folder.text("classes.csv", "\ufefflabel,display_name,family\n0731,Mjölk 1 l,milk\n0732,,\n")
    ingestion(folder)
    category = ingestion.samples()["train/0731/x.jpg"].category
    assert (category.label, category.display_name, category.family) == ("0731", "Mjölk 1 l", "milk")


def test_a_changed_classes_csv_is_followed_without_touching_samples(
    folder: DatasetFolder, ingestion: Ingestion
) -> None:
    folder.picture("train/a/x.jpg")
    folder.text("classes.csv", "label,family\na,old\n")
    ingestion(folder)
    before = ingestion.samples()["train/a/x.jpg"].id
    folder.text("classes.csv", "label,family\na,new\n")
    assert ingestion(folder).unchanged == 1
    sample = ingestion.samples()["train/a/x.jpg"]
    assert (sample.id, sample.category.family) == (before, "new")


def test_a_missing_or_empty_folder_says_what_is_expected(folder: DatasetFolder, ingestion: Ingestion) -> None:
    with pytest.raises(UserError, match=r"no such folder; expected <split>/<class>/<picture>"):
        ingestion(folder.root / "absent")
    folder.text("train/a/x.txt", "")
    with pytest.raises(UserError, match=r"no pictures in it; expected <split>/<class>/<picture>"):
        ingestion(folder)


def test_a_data_set_that_vanished_takes_nothing_with_it(folder: DatasetFolder, ingestion: Ingestion) -> None:
    picture = folder.picture("train/a/x.jpg")
    ingestion(folder)
    picture.unlink()
    with pytest.raises(UserError):
        ingestion(folder)
    assert list(ingestion.samples()) == ["train/a/x.jpg"]
