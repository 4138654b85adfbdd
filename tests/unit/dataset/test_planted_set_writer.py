"""The sample set on disk: layout, metadata, planted evidence, and the same bytes every time."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from db.errors import UserError
from precompute.dataset.planted_set import write_planted_set
from precompute.dataset.planted_set.products import PRODUCTS


def _digests(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planted") / "set"
    write_planted_set(folder, seed=5, train_per_class=1, test_per_class=1, workers=1)
    return folder


def _lines(folder: Path, split: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / split / "metadata.jsonl").read_text(encoding="utf-8").splitlines()]


def test_two_processes_write_the_same_bytes_as_one(planted: Path, tmp_path: Path) -> None:
    write_planted_set(tmp_path / "again", seed=5, train_per_class=1, test_per_class=1, workers=2)
    assert _digests(tmp_path / "again") == _digests(planted)


def test_a_larger_set_keeps_the_pictures_of_a_smaller_one(planted: Path, tmp_path: Path) -> None:
    write_planted_set(tmp_path / "larger", seed=5, train_per_class=0, test_per_class=2, workers=1)
    first, larger = _digests(planted / "test"), _digests(tmp_path / "larger" / "test")
    assert all(larger[name] == digest for name, digest in first.items() if name.endswith(".jpg"))
    assert len(larger) == len(first) + len(PRODUCTS)


def test_another_seed_draws_other_pictures(planted: Path, tmp_path: Path) -> None:
    write_planted_set(tmp_path / "other", seed=6, train_per_class=0, test_per_class=1, workers=1)
    other = _digests(tmp_path / "other")
    assert all(_digests(planted)[name] != digest for name, digest in other.items() if name.endswith(".jpg"))


@pytest.mark.parametrize("split", ["train", "test"])
def test_metadata_names_every_picture_with_its_folders_label(planted: Path, split: str) -> None:
    lines = _lines(planted, split)
    assert {line["file_name"] for line in lines} == {
        path.relative_to(planted / split).as_posix() for path in (planted / split).rglob("*.jpg")
    }
    assert all(line["label"] == Path(line["file_name"]).parent.name for line in lines)
    with Image.open(planted / split / lines[0]["file_name"]) as picture:
        assert picture.size == (384, 384)


def test_polygons_have_three_points_or_more_within_the_picture(planted: Path) -> None:
    for line in _lines(planted, "test"):
        assert 3 <= len(line["ocr"]) <= 9
        for item in (*line["ocr"], *line["evidence"]):
            assert len(item["polygon"]) >= 3
            assert all(0 <= x <= 384 and 0 <= y <= 384 for x, y in item["polygon"])


def test_evidence_names_the_entry_or_the_region_that_tells_the_twins_apart(planted: Path) -> None:
    products = {product.label: product for product in PRODUCTS}
    kinds = {"word": ["entry"], "weight": ["entry"], "picture": ["region"], "both": ["entry", "region"]}
    for line in (*_lines(planted, "train"), *_lines(planted, "test")):
        product = products[line["label"]]
        assert [item["kind"] for item in line["evidence"]] == kinds[product.kind]
        for item in line["evidence"]:
            if item["kind"] == "entry":
                assert line["ocr"][item["entry"]]["polygon"] == item["polygon"]


def test_the_table_of_classes_names_kind_and_family(planted: Path) -> None:
    with (planted / "classes.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["label"] for row in rows} == {path.name for path in (planted / "test").iterdir() if path.is_dir()}
    families = [row["family"] for row in rows]
    assert {family.partition(": ")[0] for family in families} == {"word", "picture", "weight", "both"}
    assert all(families.count(family) == 2 for family in families)


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(UserError, match="choose an empty or a new folder"):
        write_planted_set(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
