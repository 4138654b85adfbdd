"""What the global stage computes anew, what it keeps, and what fails in it."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.read.reader import Reader
from db.records.written import ExplanationRecord, FinishedUnit
from db.schema.tables import Category, Evaluation, Explanation, Model, Sample, Segmentation, WorkUnit
from precompute.global_explanations.stage import EXPLAIN_GLOBAL
from precompute.recipe import Recipe
from tests.example_database import NAMES
from tests.integration.global_explanations.place import FUSIONS, Place
from tests.run_context import Bars


def test_a_second_run_computes_nothing(place: Place, bars: Bars) -> None:
    assert place.run() == {f"{model}|{label}" for model in FUSIONS for label in NAMES}
    assert bars == [(0, 9), (3, 9), (6, 9), (9, 9), (0, 3), (1, 3), (2, 3), (3, 3)]
    embedded = place.classifier.images_embedded
    bars.clear()
    assert place.run() == set()
    assert place.classifier.images_embedded == embedded
    assert bars == []


def test_another_size_of_groups_groups_all_anew(place: Place) -> None:
    place.run()
    assert len(place.run(Recipe.model_validate({"global": {"support_least": 3}}))) == 9


@pytest.mark.parametrize("score", ["averaged_importance", "sp_lime", "homogeneity"])
def test_another_score_ranks_the_same_groups_and_loads_no_model(place: Place, score: str) -> None:
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


def test_an_explanation_computed_anew_renews_its_class_and_model_alone(place: Place) -> None:
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
        sample = session.get_one(Sample, row.sample_id).path
        about = {"model": FUSIONS[1], "sample": sample, "explained_class": NAMES[2]}
        numbers = {one.name: getattr(row, one.name) for one in fields(ExplanationRecord) if one.name not in about}
        anew = FinishedUnit(
            unit.stage, unit.settings_hash, unit.key, [ExplanationRecord(**about, **numbers)], FUSIONS[1], sample
        )
        place.writer.store([anew])
    assert place.run() == {f"{FUSIONS[1]}|{NAMES[2]}"}


def test_fewer_than_two_explained_samples_store_no_group_and_the_reason(place: Place) -> None:
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


def test_a_picture_that_is_gone_fails_its_units_and_the_rest_goes_on(place: Place) -> None:
    for picture in (place.folder / "test" / NAMES[0]).iterdir():
        picture.unlink()
    place.run()
    with Session(place.engine) as session:
        units = session.scalars(select(WorkUnit).where(WorkUnit.stage == EXPLAIN_GLOBAL)).all()
    failed = {unit.key for unit in units if unit.status == "failed"}
    assert failed == {f"{model}|{NAMES[0]}" for model in FUSIONS}
    assert all(NAMES[0] in (unit.message or "") for unit in units if unit.status == "failed")
    assert Reader(place.engine).groups.of_class(FUSIONS[0], NAMES[1], "text")


def test_units_of_a_class_without_explanations_are_removed(place: Place) -> None:
    place.run()
    with Session(place.engine) as session, session.begin():
        session.execute(delete(Explanation))
    place.run()
    assert place.units() == {}
