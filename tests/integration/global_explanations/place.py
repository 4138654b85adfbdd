"""A filled database, its data set on disk, and a way to run the global stage."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session
from torch import Tensor

from db.records.explanations import TrueClassExplanation
from db.schema.tables import Sample, Segmentation, WorkUnit
from db.session import create, finish
from precompute.dataset.changes import file_digest
from precompute.engine import run_stage
from precompute.global_explanations.ranking import rank_global_stage
from precompute.global_explanations.stage import EXPLAIN_GLOBAL, GroupingState, embedding, explain_global_stage
from precompute.local_explanations.superpixels import decode_label_map
from precompute.recipe import Recipe
from tests.example_database import NAMES, build
from tests.run_context import open_context
from tests.small_models import SmallDualModel

FUSIONS = ("feature_concatenation", "score_fusion", "embracenet")
WITHOUT_IMAGE_MODEL = Recipe.model_validate({"models": [{"name": name, "kind": name} for name in FUSIONS]})
COLOURS = np.array([[230, 20, 20], [20, 230, 20], [20, 20, 230]])


class _Classifier(SmallDualModel):
    """A tower with a hidden layer above it."""

    def hidden(self, image_embeddings: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(1)
        return torch.relu(image_embeddings @ torch.randn(48, 16, generator=generator))


def _draw(engine: Engine, folder: Path) -> None:
    """The samples' pictures: superpixel n has colour n % 3."""
    with Session(engine) as session, session.begin():
        for path, label_map in session.execute(select(Sample.path, Segmentation.label_map).join(Segmentation)):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            pixels = COLOURS[decode_label_map(label_map) % 3]
            noise = np.random.default_rng(len(path)).integers(-15, 16, pixels.shape)
            Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8)).save(folder / path, "PNG", compress_level=1)
            changed = update(Sample).where(Sample.path == path)
            session.execute(changed.values(picture_hash=file_digest(folder / path)))


class Place:
    """A database, its data set on disk, and a way to run the stage."""

    def __init__(self, url: str, folder: Path) -> None:
        self.folder = folder
        self.engine: Engine = create(url)
        self.writer = open_context(self.engine, folder).writer
        self.classifier = _Classifier(list(NAMES))
        self.loads = 0

    def run(self, recipe: Recipe | None = None, *, models: bool = True) -> set[str]:
        """Run the stage, then rank; returns the keys of the units that were written anew.

        Args:
            models: whether the recipe has an image model, in whose place stands `classifier`.
        """
        before = self.units()
        recipe = recipe or (Recipe() if models else WITHOUT_IMAGE_MODEL)
        context = open_context(self.engine, self.folder, recipe, run_id=self.writer.run_id)
        stage = explain_global_stage(recipe)
        run_stage(context, replace(stage, setup=lambda context, _: _Setup(self, recipe)) if models else stage)
        run_stage(context, rank_global_stage(recipe))
        return {key for unit, key in self.units().items() if unit not in before}

    def load(self) -> _Classifier:
        self.loads += 1
        return self.classifier

    def units(self) -> dict[tuple[int, datetime], str]:
        """Keys of the stage's units; SQLite gives the id of a removed unit to a new one."""
        query = select(WorkUnit.id, WorkUnit.finished_at, WorkUnit.key).where(WorkUnit.stage == EXPLAIN_GLOBAL)
        with Session(self.engine) as session:
            return {(unit, finished): key for unit, finished, key in session.execute(query)}


@dataclass(frozen=True)
class _Setup:
    """Loads no trained model but the place's own, at the first crop."""

    place: Place
    recipe: Recipe

    @contextmanager
    def start(self) -> Iterator[GroupingState]:
        yield GroupingState(self.recipe, embedding(cache(self.place.load), self.recipe.global_))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a filled database and its data set."""
    folder = tmp_path_factory.mktemp("filled")
    url = f"sqlite:///{folder / 'explanations.db'}"
    build(url, classes=3, samples=16, models=5)
    engine = create(url)
    _draw(engine, folder / "dataset")
    finish(engine)
    return folder


@pytest.fixture
def place(filled: Path, tmp_path: Path) -> Place:
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    return Place(f"sqlite:///{tmp_path / 'explanations.db'}", tmp_path / "dataset")


def top_features(explanations: list[TrueClassExplanation], modality: str) -> dict[tuple[str, int], float]:
    """The top 3 of each sample, w > 0, the plain way: (sample, feature) -> w."""
    top = {}
    for one in explanations:
        weights = one.image_weights if modality == "image" else one.text_weights
        for feature in sorted(range(len(weights)), key=lambda i: -weights[i])[:3]:
            if weights[feature] > 0:
                top[one.sample, feature] = float(weights[feature])
    return top
