"""The data set stage on slices of the real data."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.schema.tables import Mask, Picture, Sample
from precompute.dataset.scan import scan_dataset
from tests.dataset_folder import DatasetFolder, Ingestion

pytestmark = pytest.mark.shared
CLASSES = ("Arla-Sour-Milk", "Oatly-Oat-Milk")


def copy_slice(groceries: Path, folder: DatasetFolder, each: int) -> dict[str, dict[str, object]]:
    """Copy the first pictures of two classes with their metadata; returns the rows by sample path."""
    rows = {}
    for split in ("train", "test"):
        lines = (groceries / split / "metadata.jsonl").read_text(encoding="utf-8").splitlines()
        parsed = [json.loads(line) for line in lines]
        chosen = [row for label in CLASSES for row in [row for row in parsed if row["label"] == label][:each]]
        for row in chosen:
            target = folder.root / split / row["file_name"]
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(groceries / split / row["file_name"], target)
            rows[f"{split}/{row['file_name']}"] = row
        folder.metadata(split, *chosen)
    return rows


def test_all_groceries_are_found_without_a_fault(groceries: Path) -> None:
    scan = scan_dataset(groceries, 1 / 3, 0)
    assert scan.faults == ()
    assert [sum(s.split == split for s in scan.samples) for split in ("train", "test")] == [864, 781]
    assert len({s.label for s in scan.samples}) == 31


def test_a_slice_of_the_groceries_is_stored_as_it_stands(
    groceries: Path, folder: DatasetFolder, ingestion: Ingestion
) -> None:
    rows = copy_slice(groceries, folder, 5)
    report = ingestion(folder, workers=2)
    assert (report.added, report.skipped) == (20, 0)
    assert ingestion(folder).unchanged == 20
    for path, sample in ingestion.samples().items():
        assert sample.category.label == rows[path]["label"]
        assert (sample.width, sample.height) == (348, 348)
        stored = [(e.text, e.confidence) for e in sample.entries]
        assert stored == [(e["text"], e["confidence"]) for e in rows[path]["ocr"]]  # type: ignore[attr-defined]


def test_stored_pictures_look_like_the_originals(groceries: Path, folder: DatasetFolder, ingestion: Ingestion) -> None:
    copy_slice(groceries, folder, 1)
    ingestion(folder)
    with Session(ingestion.engine) as session:
        found = session.execute(select(Sample.path, Picture).join(Picture, Picture.sample_id == Sample.id)).all()
        assert len(found) == 8
        for path, picture in found:
            stored = Image.open(io.BytesIO(picture.content))
            original = Image.open(folder.root / path).convert("RGB").resize(stored.size, Image.Resampling.LANCZOS)
            assert stored.size == (348, 348) if picture.kind == "display" else (128, 128)
            assert np.abs(np.asarray(stored, int) - np.asarray(original, int)).mean() < 6


def test_the_six_finegrainocr_samples(finegrainocr: Path, ingestion: Ingestion) -> None:
    report = ingestion(finegrainocr)
    assert (report.added, report.skipped) == (6, 0)
    for path, sample in ingestion.samples().items():
        document = json.loads(
            (finegrainocr / path.replace("Images", "Text", 1)).with_suffix(".json").read_text(encoding="utf-8")
        )
        assert [e.text for e in sample.entries] == [a["description"] for a in document[1:] if "description" in a]
        assert (sample.width, sample.height, sample.split) == (2592, 1944, "train")
        assert all(0 <= x <= 2592 and 0 <= y <= 1944 for e in sample.entries for x, y in e.polygon)
    with Session(ingestion.engine) as session:
        sizes = session.execute(select(Picture.kind, Picture.width, Picture.height).distinct()).all()
    assert set(map(tuple, sizes)) == {("display", 768, 576), ("thumbnail", 128, 96), ("sprite", 128, 128)}


def test_masks_of_the_magnetic_tiles(tiles: Path, folder: DatasetFolder, ingestion: Ingestion) -> None:
    for label in ("crack", "free"):
        for picture in sorted((tiles / "test" / label).iterdir())[:2]:
            path = picture.relative_to(tiles)
            for file in (path, Path("masks") / path.with_suffix(".png")):
                (folder.root / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(tiles / file, folder.root / file)
    assert ingestion(folder).added == 4
    with Session(ingestion.engine) as session:
        for path, content in session.execute(select(Sample.path, Mask.content).join(Mask)):
            original = Image.open(folder.root / "masks" / Path(path).with_suffix(".png")).convert("L")
            assert np.array_equal(np.asarray(Image.open(io.BytesIO(content))), np.asarray(original))
