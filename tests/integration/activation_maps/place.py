"""A small data set with masks, and a database on which the activation stage and its evaluation have run."""

from __future__ import annotations

import json
import shutil
from copy import copy
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.read.reader import Reader
from db.schema.tables import WorkUnit
from db.session import create, open_read_only
from precompute.context import RunOptions
from precompute.evaluation.run import evaluate_localisation
from precompute.pipeline import Result, run
from precompute.recipe import Recipe
from precompute.stored_run import open_stored
from tests.small_towers import distilbert_folder, resnet_folder

CLASSES = ("blue", "plain", "red")
SIZE = 64
TRAIN, TEST = 5, 3


def _write(root: Path) -> Path:
    """Noise with a square of the class's colour, marked by a mask; plain has none and a mask that is black."""
    random = np.random.default_rng(0)
    for split, count in (("train", TRAIN), ("test", TEST)):
        lines = []
        for label in CLASSES:
            for number in range(count):
                pixels = random.integers(0, 120, (48, 64, 3), dtype=np.uint8)
                mask = np.zeros((48, 64), np.uint8)
                if label != "plain":
                    y, x = random.integers(0, 30, 2)
                    pixels[y : y + 14, x : x + 14, CLASSES.index(label)] = 255
                    mask[y : y + 14, x : x + 14] = 255
                name = f"{label}/{label}_{number}"
                for folder, array in ((root, pixels), (root / "masks", mask)):
                    path = folder / split / f"{name}.png"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    Image.fromarray(array).save(path)
                square = [[2, 2], [20, 2], [20, 9], [2, 9]]
                words = [{"text": label, "polygon": square, "confidence": 0.9}]
                lines.append(json.dumps({"file_name": f"{name}.png", "label": label, "ocr": words}))
        (root / split / "metadata.jsonl").write_text("\n".join(lines))
    (root / "masks" / "test" / "red" / "red_2.png").unlink()
    return root


def recipe_of(image: Path, text: Path, **settings: Any) -> Recipe:
    return Recipe.model_validate(
        {
            "towers": {
                "frozen": True,
                "shared": True,
                "image_size": SIZE,
                "image": {"name": str(image)},
                "text": {"name": str(text)},
            },
            "training": {"epochs": 1, "augmented_copies": 0, "hidden_width": 8},
            "models": [
                {"name": "feature_concatenation", "kind": "feature_concatenation"},
                {"name": "forest", "kind": "embedding"},
            ],
            "embedding": {"trees": 20, "features": 6},
            "explain": {"segments": 12, "evaluations": 32},
            "activation": {"tops": [1, 5, 13], "variants": ["grad-cam", "layer-cam"]},
            "runtime": {"precision": "float32", "runtime": "torch"},
            "stages": ["ingest", "train", "explain-local", "activation"],
            **settings,
        }
    )


class Place:
    def __init__(self, folder: Path) -> None:
        self.data = _write(folder / "data")
        self.url = f"sqlite:///{folder / 'maps.db'}"
        self.artifacts = folder / "artifacts"
        self.image, self.text = resnet_folder(folder / "resnet"), distilbert_folder(folder / "distilbert")

    def copied(self, folder: Path) -> Place:
        """The same with a database of its own."""
        shutil.copy(self.url.removeprefix("sqlite:///"), folder / "maps.db")
        place = copy(self)
        place.url = f"sqlite:///{folder / 'maps.db'}"
        return place

    @property
    def recipe(self) -> Recipe:
        return recipe_of(self.image, self.text)

    def run(self, recipe: Recipe, *stages: Any, **options: Any) -> Result:
        return run(RunOptions(self.data, self.url, recipe, self.artifacts, workers=1, **options), stages or None)

    def sample_id(self, path: str) -> int:
        (found,) = self.reader().samples.ids([path])
        return found

    def reader(self) -> Reader:
        return Reader(open_read_only(self.url))

    def count(self, table: type) -> int:
        with Session(create(self.url)) as session:
            return session.scalar(select(func.count()).select_from(table)) or 0

    def units(self, stage: str) -> dict[str, tuple[int, datetime]]:
        """By key what tells a unit from one that was made anew, which may get the same id."""
        query = select(WorkUnit.key, WorkUnit.id, WorkUnit.finished_at).where(WorkUnit.stage == stage)
        with Session(create(self.url)) as session:
            return {key: (unit, finished) for key, unit, finished in session.execute(query)}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """All stages run once, then localisation."""
    place = Place(tmp_path_factory.mktemp("maps"))
    assert place.run(place.recipe).clean
    with open_stored(place.url, "activation", workers=1) as context:
        assert evaluate_localisation(context) == 0
    return place
