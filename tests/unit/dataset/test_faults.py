"""Each fault of a data set is reported with its place; that sample is skipped and the rest goes on."""

from __future__ import annotations

import json
import math
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from db.errors import UserError
from db.write.writer import Writer
from tests.dataset_folder import DatasetFolder, Ingestion, entry

BAD = "train/a/bad.jpg"


@pytest.fixture
def folder(folder: DatasetFolder) -> DatasetFolder:
    """A data set with one sound sample and one for a fault."""
    folder.picture("train/a/good.jpg")
    folder.picture(BAD)
    return folder


def row(name: str = "a/bad.jpg", **columns: Any) -> dict[str, Any]:
    return {"file_name": name, "label": "a", "ocr": [entry()], **columns}


def expect(
    ingestion: Ingestion, folder: DatasetFolder, file: str, line: int | None, sample: str | None, says: str
) -> None:
    report = ingestion(folder)
    found_file, found_line, found_sample, message = ingestion.only_problem()
    assert (found_file, found_line, found_sample) == (file, line, sample)
    assert says in message
    assert "; " in message, "the message has no remedy"
    assert (report.added, report.skipped) == (1, 1)
    assert list(ingestion.samples()) == ["train/a/good.jpg"]


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def bomb(path: Path) -> None:
    """A PNG of a few bytes that says it has 20,000 x 20,000 pixels."""
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", len(header)) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    )


def large(path: Path) -> None:
    Image.new("1", (10_400, 10_000)).save(path, "PNG")  # Pillow itself only warns below 179 megapixels


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (truncate, "cannot be read as a picture"),
        (lambda path: path.write_text("<html>"), "cannot be read as a picture"),
        (lambda path: path.write_bytes(b""), "cannot be read as a picture"),
        (bomb, "more than 100 megapixels"),
        (large, "more than 100 megapixels"),
    ],
)
def test_a_picture_that_cannot_be_used(folder: DatasetFolder, ingestion: Ingestion, spoil: Any, says: str) -> None:
    spoil(folder.root / BAD)
    expect(ingestion, folder, BAD, None, BAD, says)


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"label": ["a"]}, "`label` is a string"),
        ({"label": "  "}, "`label` is blank"),
        ({"ocr": "MJÖLK"}, "`ocr` is a list"),
        ({"ocr": [entry(), "MJÖLK"]}, "OCR entry 1: an entry is an object"),
        ({"ocr": [entry(text=None)]}, "OCR entry 0: `text` is a string"),
        ({"ocr": [entry(polygon=None)]}, "OCR entry 0: a polygon is a list"),
        ({"ocr": [entry(polygon=[[1, 1], [2, 2]])]}, "at least three"),
        ({"ocr": [entry(polygon=[[1, 1], [2, 2], [math.nan, 3]])]}, "finite numbers"),
        ({"ocr": [entry(polygon=[[1, 1], [2, 2], [3, 3]])]}, "no area inside the 40x30 picture"),
        ({"ocr": [entry(polygon=[[41, 1], [50, 1], [50, 9]])]}, "no area inside the 40x30 picture"),
        ({"ocr": [entry(confidence=1.5)]}, "`confidence` is a number from 0 to 1"),
        ({"ocr": [entry(confidence=True)]}, "`confidence` is a number from 0 to 1"),
        ({"ocr": [entry(confidence=math.inf)]}, "`confidence` is a number from 0 to 1"),
        ({"evidence": {"kind": "entry"}}, "`evidence` is a list"),
        ({"evidence": [{"kind": "word"}]}, "evidence 0: evidence is"),
        ({"evidence": [{"kind": "entry", "entry": 1}]}, "there is no entry 1 among the sample's 1 entries"),
        ({"evidence": [{"kind": "entry", "entry": -1}]}, "there is no entry -1"),
        ({"evidence": [{"kind": "region"}]}, "evidence 0: a polygon is a list"),
        ({"ocr": [entry(" ")], "evidence": [{"kind": "entry", "entry": 0}]}, "entry 0 is blank"),
        ({"ocr": None, "evidence": [{"kind": "entry", "entry": 0}]}, "there is no entry 0"),
    ],
)
def test_a_line_with_a_fault(folder: DatasetFolder, ingestion: Ingestion, columns: dict[str, Any], says: str) -> None:
    folder.metadata("train", row("a/good.jpg"), "", row(**columns))
    expect(ingestion, folder, "train/metadata.jsonl", 3, BAD, says)


@pytest.mark.parametrize("tail", ['"ocr": [', '"ocr": NULL}', '"ocr": [[}', '"text": "\udcff"}'])
def test_a_line_that_is_not_json_but_names_its_picture(folder: DatasetFolder, ingestion: Ingestion, tail: str) -> None:
    line = '{"file_name": "a/bad.jpg", "label": "a", ' + tail
    lines = json.dumps(row("a/good.jpg")) + "\n" + line + "\n"
    (folder.root / "train/metadata.jsonl").write_bytes(lines.encode("utf-8", "surrogateescape"))
    expect(ingestion, folder, "train/metadata.jsonl", 2, BAD, "not valid")


@pytest.mark.parametrize("line", ["nonsense", "[1, 2]", '{"label": "a"}', "[" * 100_000, '{"file_name": 7}'])
def test_behind_a_line_of_unknown_picture_no_unnamed_picture_is_guessed(
    folder: DatasetFolder, ingestion: Ingestion, line: str
) -> None:
    folder.metadata("train", line, row("a/good.jpg"))
    ingestion(folder)
    unnamed, unreadable = ingestion.problems()
    assert (unnamed.file, unnamed.sample) == (BAD, BAD)
    assert "line 1 of train/metadata.jsonl cannot be read" in unnamed.message
    assert (unreadable.file, unreadable.line) == ("train/metadata.jsonl", 1)
    assert list(ingestion.samples()) == ["train/a/good.jpg"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("a/absent.jpg", "train/a/absent.jpg is missing"),
        ("a/bad.tar", "is missing, or no kind of picture"),
        ("../train/a/bad.jpg", "leads out of the folder"),
        ("/etc/passwd", "leads out of the folder"),
        ("a/\ud800.jpg", "is missing"),
    ],
)
def test_a_line_that_names_no_picture_of_the_data_set(
    folder: DatasetFolder, ingestion: Ingestion, name: str, says: str
) -> None:
    (folder.root / BAD).unlink()
    folder.metadata("train", row("a/good.jpg"), row(name))
    expect(ingestion, folder, "train/metadata.jsonl", 2, None, says)


def test_of_two_lines_for_one_picture_the_first_counts(folder: DatasetFolder, ingestion: Ingestion) -> None:
    (folder.root / BAD).unlink()
    folder.metadata("train", row("a/good.jpg"), row("a/./good.jpg", label="b"))
    expect(ingestion, folder, "train/metadata.jsonl", 2, None, "named by an earlier line")
    assert ingestion.labels() == {"train/a/good.jpg": "a"}


def test_a_class_that_classes_csv_does_not_list(folder: DatasetFolder, ingestion: Ingestion) -> None:
    folder.text("classes.csv", "label\na\n")
    folder.metadata("train", row("a/good.jpg"), row(label="milk"))
    expect(ingestion, folder, "train/metadata.jsonl", 2, BAD, "the class 'milk' is not in classes.csv")


def test_a_class_that_classes_csv_lists_twice(folder: DatasetFolder, ingestion: Ingestion) -> None:
    (folder.root / BAD).unlink()
    folder.text("classes.csv", "label,family\na,first\na,second\n")
    expect(ingestion, folder, "classes.csv", 3, None, "the class 'a' stands here twice")


def test_a_classes_csv_without_labels_ends_the_run(folder: DatasetFolder, ingestion: Ingestion) -> None:
    folder.text("classes.csv", "name\na\n")
    with pytest.raises(UserError, match=r"classes.csv: line 1: expected the header"):
        ingestion(folder)


def test_a_picture_in_no_split(folder: DatasetFolder, ingestion: Ingestion) -> None:
    (folder.root / BAD).rename(folder.root / "stray.jpg")
    expect(ingestion, folder, "stray.jpg", None, "stray.jpg", "lies in no split")


def test_a_picture_without_class(folder: DatasetFolder, ingestion: Ingestion) -> None:
    (folder.root / BAD).rename(folder.root / "train/x.jpg")
    expect(ingestion, folder, "train/x.jpg", None, "train/x.jpg", "has no class")


@pytest.mark.parametrize("kind", ["file", "folder", "broken", "loop"])
def test_links_out_of_the_data_set_are_not_followed(
    folder: DatasetFolder, ingestion: Ingestion, tmp_path: Path, kind: str
) -> None:
    (folder.root / BAD).unlink()
    outside = DatasetFolder(tmp_path / "outside")
    picture = outside.picture("x.jpg")
    link = folder.root / "train/a/link.jpg"
    target = {"file": picture, "folder": outside.root, "broken": tmp_path / "absent", "loop": link}[kind]
    link.symlink_to(target)
    expect(
        ingestion,
        folder,
        "train/a/link.jpg",
        None,
        None,
        "a link that leads nowhere" if kind in ("broken", "loop") else "leaves",
    )


def test_links_within_the_data_set(folder: DatasetFolder, ingestion: Ingestion) -> None:
    (folder.root / "train/b").mkdir()
    (folder.root / BAD).unlink()
    (folder.root / "train/b/link.jpg").symlink_to(folder.root / "train/a/good.jpg")
    (folder.root / "train/again").symlink_to(folder.root / "train")
    ingestion(folder)
    assert ingestion.labels() == {"train/a/good.jpg": "a", "train/b/link.jpg": "b"}
    assert "a link to a folder is not followed" in ingestion.only_problem()[3]


def test_a_file_name_that_is_not_utf8(folder: DatasetFolder, ingestion: Ingestion) -> None:
    (folder.root / BAD).rename(folder.root / "train/a" / os.fsdecode(b"\xff.jpg"))
    expect(ingestion, folder, "train/a/\ufffd.jpg", None, None, "not valid UTF-8")


@pytest.mark.parametrize(
    ("mask", "says"),
    [
        (Image.new("L", (30, 40)), "the mask has 30x40 pixels, the picture has 40x30"),
        (Image.new("L", (40, 30), 1), "no value of the mask exceeds 1"),
        (None, "the mask cannot be read as PNG"),
    ],
)
def test_a_mask_with_a_fault(folder: DatasetFolder, ingestion: Ingestion, mask: Image.Image | None, says: str) -> None:
    path = folder.root / "masks/train/a/bad.png"
    path.parent.mkdir(parents=True)
    if mask is None:
        path.write_text("no picture")
    else:
        mask.save(path)
    expect(ingestion, folder, "masks/train/a/bad.png", None, BAD, says)


def test_problems_go_when_they_are_fixed(folder: DatasetFolder, ingestion: Ingestion) -> None:
    folder.metadata("train", row("a/good.jpg"), row(ocr=[entry(confidence=7)]), row("a/absent.jpg"))
    ingestion(folder)
    assert len(ingestion.problems()) == 2
    folder.metadata("train", row("a/good.jpg"), row())
    assert ingestion(folder).skipped == 0
    assert set(ingestion.samples()) == {"train/a/good.jpg", BAD}


def test_problems_stand_and_are_counted_while_nothing_changes(folder: DatasetFolder, ingestion: Ingestion) -> None:
    folder.metadata("train", row("a/good.jpg"), row(ocr=[entry(confidence=7)]), row("a/absent.jpg"))
    first = ingestion(folder)
    before = [problem.id for problem in ingestion.problems()]
    second = ingestion(folder)
    assert (first.skipped, second.skipped, second.unchanged) == (2, 2, 1)
    assert [problem.id for problem in ingestion.problems()] == before


def test_standing_problems_are_handed_on_to_a_run_with_other_settings(
    folder: DatasetFolder, ingestion: Ingestion
) -> None:
    folder.metadata("train", row("a/good.jpg"), row(ocr=[entry(confidence=7)]), row("a/absent.jpg"))
    ingestion(folder)
    ingestion.run_id = Writer(ingestion.engine).start_run({}, "other settings", 1, {}, "data", "artifacts")
    ingestion(folder)
    assert [problem.run_id for problem in ingestion.problems()] == [ingestion.run_id] * 2


def test_a_problem_follows_its_line(folder: DatasetFolder, ingestion: Ingestion) -> None:
    folder.metadata("train", row("a/good.jpg"), row(ocr=[entry(confidence=7)]))
    ingestion(folder)
    folder.metadata("train", "", "", row("a/good.jpg"), row(ocr=[entry(confidence=7)]))
    ingestion(folder)
    assert ingestion.only_problem()[1] == 4
