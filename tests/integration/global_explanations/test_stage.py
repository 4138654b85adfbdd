"""The global stage on a stored database: what it writes, what it keeps, what it computes anew."""

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
from sqlalchemy import Engine, delete, select, update
from sqlalchemy.orm import Session
from torch import Tensor

from db.read.reader import Reader
from db.records.explanations import TrueClassExplanation
from db.schema.tables import Category, Evaluation, Explanation, GlobalGroup, Model, Sample, Segmentation, WorkUnit
from db.session import create, finish
from db.write.writer import UnitResult
from precompute.dataset.changes import file_digest
from precompute.engine import run_stage
from precompute.global_explanations.ranking import rank_global_stage
from precompute.global_explanations.stage import EXPLAIN_GLOBAL, GroupingState, embedding, explain_global_stage
from precompute.local_explanations.segments import decode_label_map
from precompute.recipe import Recipe
from tests.example_database import NAMES, build
from tests.run_context import Bars, bars, open_context  # noqa: F401
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


class _Place:
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

    place: _Place
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
def place(filled: Path, tmp_path: Path) -> _Place:
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    return _Place(f"sqlite:///{tmp_path / 'explanations.db'}", tmp_path / "dataset")


def _top(explanations: list[TrueClassExplanation], modality: str) -> dict[tuple[str, int], float]:
    """The top 3 of each sample, w > 0, the plain way: (sample, feature) -> w."""
    top = {}
    for one in explanations:
        weights = one.image_weights if modality == "image" else one.text_weights
        for feature in sorted(range(len(weights)), key=lambda i: -weights[i])[:3]:
            if weights[feature] > 0:
                top[one.sample, feature] = float(weights[feature])
    return top


def test_groups_hold_top_features_and_score_by_normlime(place: _Place) -> None:
    place.run()
    reader = Reader(place.engine)
    shown = 0
    for model in FUSIONS:
        for label in NAMES:
            explanations = reader.explanations.of_true_class(model, label)
            norms = {
                one.sample: float(np.abs(one.image_weights).sum() + np.abs(one.text_weights).sum())
                for one in explanations
            }
            for modality in ("image", "text"):
                top = _top(explanations, modality)
                groups = reader.groups.of_class(model, label, modality)
                for group in groups:
                    members = {(m.sample, m.feature): m.weight for m in group.members}
                    assert members.items() <= top.items()
                    plain = np.mean([w**2 / norms[sample] for (sample, _), w in members.items()])
                    assert group.score == pytest.approx(plain, rel=1e-5)
                    assert group.samples == len({sample for sample, _ in members}) >= 2
                    assert group.representative == group.members[0]
                    assert group.representative.weight == max(members.values())
                assert [group.rank for group in groups] == list(range(1, len(groups) + 1))
                assert [group.score for group in groups] == sorted((g.score for g in groups), reverse=True)
                shown += len(groups)
    assert shown


def test_image_groups_are_parts_of_one_colour(place: _Place) -> None:
    place.run()
    for model in FUSIONS:
        groups = Reader(place.engine).groups.of_class(model, NAMES[0], "image")
        assert groups
        for group in groups:
            assert len({member.feature % 3 for member in group.members}) == 1


def test_text_groups_join_spellings_and_count_them(place: _Place) -> None:
    place.run()
    names = set()
    for model in FUSIONS:
        for group in Reader(place.engine).groups.of_class(model, NAMES[1], "text"):
            assert sum(group.spellings.values()) == len(group.members)
            assert group.name == next(iter(group.spellings))
            names.add(group.name.casefold().replace("ö", "o"))
            if group.name in ("MJOLK", "mjölk"):
                assert set(group.spellings) <= {"MJOLK", "mjölk"}
    assert "mjolk" in names
    # 100g, 101g, ... differ in their digits alone, so none comes back in a second sample.
    assert not any(name.endswith("g") for name in names)


def test_a_part_that_several_models_rely_on_is_embedded_once(place: _Place) -> None:
    place.run()
    reader = Reader(place.engine)
    for_one = place.classifier.images_embedded
    parts = [
        {part for model in FUSIONS for part in _top(reader.explanations.of_true_class(model, label), "image")}
        for label in NAMES
    ]
    batch = Recipe().runtime.batch_size
    rows = sum(
        len(_top(reader.explanations.of_true_class(model, label), "image")) for model in FUSIONS for label in NAMES
    )
    # Batches are filled up, at most one for each model and class.
    assert for_one <= sum(len(one) for one in parts) + batch * len(FUSIONS) * len(NAMES)
    assert sum(len(one) for one in parts) < rows


def test_a_second_run_computes_nothing(place: _Place, bars: Bars) -> None:  # noqa: F811
    assert place.run() == {f"{model}|{label}" for model in FUSIONS for label in NAMES}
    assert bars == [(0, 9), (3, 9), (6, 9), (9, 9), (0, 3), (1, 3), (2, 3), (3, 3)]
    embedded = place.classifier.images_embedded
    bars.clear()
    assert place.run() == set()
    assert place.classifier.images_embedded == embedded
    assert bars == []


def test_another_size_of_groups_groups_all_anew(place: _Place) -> None:
    place.run()
    assert len(place.run(Recipe.model_validate({"global": {"support_least": 3}}))) == 9


@pytest.mark.parametrize("score", ["averaged_importance", "sp_lime", "homogeneity"])
def test_another_score_ranks_the_same_groups_and_loads_no_model(place: _Place, score: str) -> None:
    place.run()
    assert place.loads == 1
    reader = Reader(place.engine)
    before = {model: [g for label in NAMES for g in reader.groups.of_class(model, label, "image")] for model in FUSIONS}
    for picture in place.folder.rglob("*.jpg"):
        picture.unlink()
    assert place.run(Recipe.model_validate({"global": {"score": score}})) == set()
    assert place.loads == 1
    turned = 0
    for model in FUSIONS:
        after = [g for label in NAMES for g in reader.groups.of_class(model, label, "image")]
        assert {(g.id, g.members) for g in after} == {(g.id, g.members) for g in before[model]}
        for group in after:
            weights = [member.weight for member in group.members]
            if score == "averaged_importance":
                assert group.score == pytest.approx(np.mean(weights))
            if score == "sp_lime":
                assert group.score == pytest.approx(np.sqrt(np.sum(weights)))
        for label in NAMES:
            scores = [g.score for g in after if g.label == label]
            assert scores == sorted(scores, reverse=True)
            assert [g.rank for g in after if g.label == label] == list(range(1, len(scores) + 1))
        turned += [g.id for g in after] != [g.id for g in before[model]]
    assert turned
    place.run()
    assert {m: [g for label in NAMES for g in reader.groups.of_class(m, label, "image")] for m in FUSIONS} == before


def test_a_shared_word_is_one_concept_of_all_classes_and_counts_least_by_homogeneity(place: _Place) -> None:
    place.run(Recipe.model_validate({"global": {"score": "homogeneity"}}))
    reader = Reader(place.engine)
    shared = {group.name.casefold(): group for group in reader.groups.shared(FUSIONS[0], "text")}
    milk = next(group for name, group in shared.items() if name in ("mjolk", "mjölk"))
    assert len(milk.labels) > 1
    best = next(group for group in reader.groups.of_class(FUSIONS[0], NAMES[1], "text") if group.name == "word1")
    assert "word1" not in shared
    assert best.score == pytest.approx(np.sqrt(sum(member.weight for member in best.members)))
    for sharing in milk.groups:
        group = next(g for g in reader.groups.of_class(FUSIONS[0], sharing.label, "text") if g.id == sharing.group_id)
        assert group.score < np.sqrt(sum(member.weight for member in group.members))


def test_picked_samples_cover_the_groups(place: _Place) -> None:
    place.run(Recipe.model_validate({"global": {"picks": 3}}))
    reader = Reader(place.engine)
    for label in NAMES:
        (row,) = reader.evaluations.figures("pick", model=FUSIONS[0], label=label)
        groups = [g for modality in ("image", "text") for g in reader.groups.of_class(FUSIONS[0], label, modality)]
        samples, covered = row.figures["samples"], row.figures["covered"]
        assert 1 <= len(samples) <= 3
        whole = sum(np.sqrt(sum(m.weight for m in g.members)) for g in groups)
        shown = [g for g in groups if {m.sample for m in g.members} & set(samples)]
        assert covered[-1] == pytest.approx(sum(np.sqrt(sum(m.weight for m in g.members)) for g in shown) / whole)
        assert covered == sorted(covered)


def test_groups_of_train_samples_alone_leave_out_the_test_samples(place: _Place) -> None:
    place.run(Recipe.model_validate({"global": {"split": "train"}}))
    assert place.units() == {}  # the example explains test samples alone
    place.run(Recipe.model_validate({"global": {"split": "test"}}))
    assert len(place.units()) == 9


def test_the_bare_tower_groups_by_other_embeddings(place: _Place) -> None:
    place.run()
    place.run(Recipe.model_validate({"global": {"embedding": "tower"}}))
    with Session(place.engine) as session:
        centroids = session.scalars(select(GlobalGroup.centroid).where(GlobalGroup.modality == "image")).all()
    assert centroids
    assert all(len(centroid) == 48 for centroid in centroids)  # the tower's width; the hidden layer's is 16


def test_parts_in_no_group_are_counted_as_noise(place: _Place) -> None:
    place.run(Recipe.model_validate({"global": {"support_least": 1, "support_share": 0}}))
    reader = Reader(place.engine)
    for label in NAMES:
        rows = reader.evaluations.figures("groups", FUSIONS[0], label=label)
        (figures,) = [row.figures for row in rows if row.modality == "image"]
        groups = reader.groups.of_class(FUSIONS[0], label, "image")
        assert figures["parts"] == figures["noise"] + sum(len(group.members) for group in groups)
        assert figures["groups"] == len(groups)
        if groups:
            places = reader.groups.part_places(FUSIONS[0], label)
            assert len(places) == len({(place.sample, place.feature) for place in places}) == figures["parts"]
            assert all(0 <= place.x <= 1 and 0 <= place.y <= 1 for place in places)
            assert sum(place.rank is None for place in places) == figures["noise"]


def test_an_explanation_computed_anew_renews_its_class_and_model_alone(place: _Place) -> None:
    place.run()
    with Session(place.engine) as session:
        row = session.scalars(
            select(Explanation)
            .join(Sample)
            .join(Category, Category.id == Sample.category_id)
            .join(Model)
            .where(Category.label == NAMES[2], Model.name == FUSIONS[1], Explanation.category_id == Category.id)
        ).first()
        assert row is not None
        unit = session.get_one(WorkUnit, row.unit_id)
        fields = {
            c.name: getattr(row, c.name) for c in Explanation.__table__.columns if c.name not in ("id", "unit_id")
        }
        place.writer.finish_units(
            [
                UnitResult(
                    unit.stage, unit.settings_hash, unit.key, [Explanation(**fields)], unit.model_id, unit.sample_id
                )
            ]
        )
    assert place.run() == {f"{FUSIONS[1]}|{NAMES[2]}"}


def test_fewer_than_two_explained_samples_store_no_group_and_the_reason(place: _Place) -> None:
    with Session(place.engine) as session, session.begin():
        category = session.scalars(select(Category).where(Category.label == NAMES[0])).one()
        keep = session.scalars(
            select(Sample.id).join(Segmentation).where(Sample.category_id == category.id).order_by(Sample.path)
        ).first()
        session.execute(
            delete(Explanation).where(
                Explanation.sample_id.in_(select(Sample.id).where(Sample.category_id == category.id)),
                Explanation.sample_id != keep,
            )
        )
    place.run()
    assert Reader(place.engine).groups.of_class(FUSIONS[0], NAMES[0], "text") == []
    with Session(place.engine) as session:
        rows = session.scalars(
            select(Evaluation)
            .join(Category)
            .join(Model)
            .where(Evaluation.kind == "groups", Category.label == NAMES[0], Model.name == FUSIONS[0])
        ).all()
    assert {row.modality for row in rows} == {"image", "text"}
    for row in rows:
        assert row.figures["reason"] == "explained samples of the class: 1; a group needs 2"
        assert (row.figures["explained"], row.figures["support"]) == (1, 2)


def test_a_picture_that_is_gone_fails_its_units_and_the_rest_goes_on(place: _Place) -> None:
    for picture in (place.folder / "test" / NAMES[0]).iterdir():
        picture.unlink()
    place.run()
    with Session(place.engine) as session:
        units = session.scalars(select(WorkUnit).where(WorkUnit.stage == EXPLAIN_GLOBAL)).all()
    failed = {unit.key for unit in units if unit.status == "failed"}
    assert failed == {f"{model}|{NAMES[0]}" for model in FUSIONS}
    assert all(NAMES[0] in (unit.message or "") for unit in units if unit.status == "failed")
    assert Reader(place.engine).groups.of_class(FUSIONS[0], NAMES[1], "text")


def test_without_an_image_model_there_are_text_groups_alone(place: _Place) -> None:
    place.run(models=False)
    reader = Reader(place.engine)
    assert all(reader.groups.of_class(model, label, "image") == [] for model in FUSIONS for label in NAMES)
    assert any(reader.groups.of_class(model, label, "text") for model in FUSIONS for label in NAMES)


def test_units_of_a_class_without_explanations_are_removed(place: _Place) -> None:
    place.run()
    with Session(place.engine) as session, session.begin():
        session.execute(delete(Explanation))
    place.run()
    assert place.units() == {}
