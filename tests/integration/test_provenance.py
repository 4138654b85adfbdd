"""Results stand for what they were made from: nothing stale is believed, nothing else is done again."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from db import session
from db.commands.export import EXPORTS
from db.commands.info import describe
from db.read.reader import Reader
from db.schema.tables import WorkUnit
from precompute.context import RunOptions
from precompute.pipeline import Result, run
from precompute.recipe import Recipe
from precompute.status import status_text
from tests.integration.test_nothing_goes_unasked import BASE, draw
from tests.small_towers import distilbert_folder, resnet_folder


class Place:
    """A data set, a database and what is stored in it."""

    def __init__(self, root: Path, settings: dict[str, Any]) -> None:
        self.data = draw(root / "set", 0)
        self.url = f"sqlite:///{root}/place.db"
        self._root, self._settings = root, settings

    def run(self, *stages: Any, **options: Any) -> Result:
        recipe = Recipe.model_validate(self._settings)
        return run(
            RunOptions(self.data, self.url, recipe, self._root / "artifacts", workers=1, **options), stages or None
        )

    def records(self, kind: str) -> list[dict[str, Any]]:
        engine = session.open_read_only(self.url)
        records = [{**record, "id": None, "sample_id": None} for record in EXPORTS[kind].records(engine)]
        engine.dispose()
        return records

    def units(self) -> dict[tuple[str, str], int]:
        engine = session.open_read_only(self.url)
        with Session(engine) as reading:
            return {(s, k): i for s, k, i in reading.execute(select(WorkUnit.stage, WorkUnit.key, WorkUnit.id))}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path, BASE)
    assert place.run().clean
    return place


def test_a_class_that_goes_and_comes_back_leaves_no_gap(place: Place) -> None:
    before, units = [place.records(kind) for kind in EXPORTS], place.units()
    shutil.move(place.data / "test/b", place.data / "away")
    place.run("ingest")
    shutil.move(place.data / "away", place.data / "test/b")
    place.run("ingest")
    assert "predict: 10 done, 2 left" in status_text(place.url)
    place.run()
    assert [place.records(kind) for kind in EXPORTS] == before
    assert "predict: 12 done, 0 left" in status_text(place.url)
    kept = {key for key, unit in place.units().items() if units.get(key) == unit}
    assert ("explain-local", "first|test/a/0.png") in kept, "nothing unchanged is computed again"
    assert ("explain-global", "first|a") in kept


def test_a_picture_that_changes_while_a_run_is_at_work_is_not_explained_under_its_old_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = Place(tmp_path, BASE)
    place.run("ingest")
    edited = place.data / "test/a/0.png"
    whole = edited.read_bytes()
    Image.fromarray(np.zeros((24, 24, 3), dtype=np.uint8)).save(edited)
    result = place.run("train")
    assert result.failed == 2, "the class's predictions by both models"
    assert "changed since the data set was ingested" in result.reason
    told = capsys.readouterr().err
    assert re.search(
        r"first: accuracy .*, top-3 accuracy .* \(4 of 6 test samples predicted; 1 unit\(s\) failed\)", told
    )
    status = status_text(place.url)
    assert re.search(r"predict: \d+ done, 2 failed, 0 left", status)
    assert re.search(r"failed: predict: 2 units, e\.g\. \w+\|test/a: .*changed since", status)
    assert re.search(r"again: python -m precompute train --dataset \S+ \(.*\) --retry-failed --db sqlite:", status)
    failures = describe(session.open_read_only(place.url))["failures"]
    assert {(unit["stage"], unit["key"].split("|")[1]) for unit in failures} == {("predict", "test/a")}
    assert all("changed since" in unit["message"] for unit in failures)
    edited.write_bytes(whole)
    assert place.run("train", "explain-local").clean, "tried again without being asked for"
    assert "test samples predicted" not in capsys.readouterr().err


def test_an_accuracy_does_not_outlive_the_predictions_that_it_was_measured_on(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    tests = sorted((place.data / "test").glob("*/*.png"))
    for shade in (60, 120):  # once before ingest, once behind its back
        for edited in tests:
            Image.fromarray(np.full((24, 24, 3), shade, dtype=np.uint8)).save(edited)
        result = place.run("ingest") if shade == 60 else place.run("train")
    assert result.failed
    assert re.search(
        r"first: no accuracy \(0 of 6 test samples predicted; 3 unit\(s\) failed\)", capsys.readouterr().err
    )
    models = Reader(session.open_read_only(place.url)).models.all()
    assert [(model.accuracy, model.top3_accuracy) for model in models] == [(None, None)] * len(models)


def test_a_group_does_not_outlive_a_sample_that_it_was_made_from(place: Place) -> None:
    def groups() -> set[tuple[str, str]]:
        return {
            (record["model"], record["label"]) for record in place.records("evaluation") if record["kind"] == "groups"
        }

    before = groups()
    (place.data / "test/a/0.png").unlink()
    place.run("ingest")
    assert groups() == {(model, label) for model, label in before if label != "a"}


def test_a_tower_that_changes_in_its_folder_is_noticed_though_nothing_else_is_to_do(tmp_path: Path) -> None:
    image, text = resnet_folder(tmp_path / "resnet"), distilbert_folder(tmp_path / "distilbert")
    settings = {
        "stages": ["ingest", "train", "explain-local"],
        "towers": {
            "frozen": True,
            "shared": True,
            "image_size": 32,
            "image": {"name": str(image)},
            "text": {"name": str(text)},
        },
        "training": {"epochs": 1, "augmented_copies": 0, "hidden_width": 8},
        "models": [{"name": "image", "kind": "image", "explain": True}],
        "explain": {"segments": 6, "evaluations": 16},
        "runtime": {"precision": "float32", "runtime": "torch"},
    }
    place = Place(tmp_path, settings)
    assert place.run().clean
    before, units = place.records("explanations"), place.units()
    assert place.run().clean
    assert place.units() == units
    weights = image / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-4:] = b"\x00\x00\x80\x40"  # the last weight becomes 4.0
    weights.write_bytes(content)
    assert place.run().clean
    after = place.records("explanations")
    assert {row["sample"] for row in after} == {row["sample"] for row in before}
    assert not {row["probability"] for row in after} & {row["probability"] for row in before}
