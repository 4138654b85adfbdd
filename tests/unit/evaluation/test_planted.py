"""The report on planted evidence, on a small database whose right answers are counted by hand."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from db.errors import UserError
from db.schema.tables import Category, Evaluation, Explanation, GlobalGroup, GlobalMember, Sample
from db.session import create
from precompute.evaluation.planted import bars, format_report, planted_report
from precompute.evaluation.statistics import chance_of_a_hit
from tests.unit.evaluation.shop import CLASSES, Shop


def test_accuracy_is_counted_among_all_classes_and_between_twins(shop: tuple[Engine, Shop]) -> None:
    report = planted_report(shop[0])
    counted = {
        (row.model, row.kind): (row.right.hits, row.right.count, row.twins and (row.twins.hits, row.twins.count))
        for row in report.accuracies
    }
    assert counted == {
        ("image", "all"): (4, 7, None),
        ("image", "picture"): (3, 4, (3, 4)),
        ("image", "word"): (1, 3, (2, 3)),
        ("score_fusion", "all"): (6, 7, None),
        ("score_fusion", "picture"): (3, 4, (3, 4)),
        ("score_fusion", "word"): (3, 3, (3, 3)),
    }
    assert {row.right.chance for row in report.accuracies} == {0.25}
    assert {row.twins.chance for row in report.accuracies if row.twins} == {0.5}


def test_findings_are_counted_on_right_test_samples_alone(shop: tuple[Engine, Shop]) -> None:
    findings = {row.kind: row for row in planted_report(shop[0]).findings}
    word, picture = findings["word"], findings["picture"]
    assert word.top_entry is not None and picture.top_parts is not None
    assert (word.right, word.top_entry.hits, word.top_entry.count, word.top_parts) == (3, 2, 3, None)
    assert word.top_entry.chance == pytest.approx(1 / 4)
    assert (picture.right, picture.top_parts.hits, picture.top_parts.count, picture.top_entry) == (3, 1, 3, None)
    assert picture.top_parts.chance == pytest.approx(chance_of_a_hit(1, 16, 3)) == pytest.approx(3 / 16)
    assert picture.reachable == 3
    assert picture.region_mean == pytest.approx(1 / 16)


def test_image_share_separates_the_families_with_ties_counting_half(shop: tuple[Engine, Shop]) -> None:
    (pair,) = planted_report(shop[0]).separations
    # Picture-only: .6 .6 .6; word-only: .2 .2 .6 -> 6 pairs won and 3 tied of 9.
    assert (pair.picture, pair.word, pair.auc) == (3, 3, pytest.approx(7.5 / 9))


def test_text_and_json_give_the_figures_with_bars_met_and_not_met(shop: tuple[Engine, Shop]) -> None:
    report = planted_report(shop[0])
    judged = {bar.name: bar.met for bar in bars(report)}
    assert judged["image: telling word-only twins apart"] is False  # 2 of 3
    assert judged["score_fusion: the region's mean share of the picture"] is True
    assert judged["score_fusion: word-only samples that it has right"] is False
    text = format_report(report)
    assert "66.7 % [20.8, 93.9] of 3" in text
    assert "NOT MET" in text
    found = report.as_dict()
    assert found["findings"][1]["top_entry"]["value"] == pytest.approx(2 / 3)
    assert len(found["bars"]) == len(judged)


def test_chosen_models_alone_are_judged_and_an_unknown_one_is_named(shop: tuple[Engine, Shop]) -> None:
    assert {row.model for row in planted_report(shop[0], ["image"]).accuracies} == {"image"}
    with pytest.raises(UserError, match="model vision: not in the database; it has image, score_fusion"):
        planted_report(shop[0], ["vision"])


def test_a_database_without_planted_evidence_is_refused(database_url: str) -> None:
    with pytest.raises(UserError, match="planted evidence: none"):
        planted_report(create(database_url))


def _group(session: Session, shop: Shop, modality: str, rank: int, sample: Sample, feature: int) -> None:
    explanation = session.scalars(select(Explanation).where(Explanation.sample_id == sample.id)).one()
    explanation.category_id = sample.category_id  # groups are made of explanations of their own class alone
    member = GlobalMember(explanation_id=explanation.id, sample_id=sample.id, feature=feature, weight=0.1)
    member.representative = True
    session.add(
        GlobalGroup(
            unit_id=shop.unit.id,
            model_id=shop.models["score_fusion"].id,
            category_id=sample.category_id,
            modality=modality,
            rank=rank,
            name="g",
            score=0.1,
            samples=2,
            spellings={},
            members=[member],
        )
    )


def test_groups_show_what_was_planted_where_they_stand_first(shop: tuple[Engine, Shop]) -> None:
    engine, made = shop
    with Session(engine, expire_on_commit=False) as session, session.begin():
        session.add_all([made.unit, *made.models.values()])
        by_label = {
            label: session.scalars(
                select(Sample)
                .join(Explanation)
                .join(Category, Category.id == Sample.category_id)
                .where(Category.label == label)
                .order_by(Sample.path)
            ).first()
            for label in CLASSES
        }
        for label, modality, noise in (
            ("word-a", "text", 0),
            ("word-b", "text", 0),
            ("picture-a", "image", 1),
            ("picture-b", "image", 2),
        ):
            figures = {"parts": 4, "noise": noise}
            category = by_label[label].category_id
            row = Evaluation(
                unit_id=made.unit.id, kind="groups", modality=modality, category_id=category, figures=figures
            )
            row.model_id = made.models["score_fusion"].id
            session.add(row)
        _group(session, made, "text", 2, by_label["word-a"], 1)  # the planted entry, second
        _group(session, made, "text", 3, by_label["word-b"], 1)  # too late
        _group(session, made, "image", 3, by_label["picture-a"], 5)  # the planted superpixel, third
        _group(session, made, "image", 1, by_label["picture-b"], 6)  # beside it
    report = planted_report(engine, ["score_fusion"])
    assert {row.kind: (row.found.hits, row.found.count) for row in report.groups} == {"word": (1, 2), "picture": (1, 2)}
    assert all((row.noise.hits, row.noise.count) == (3, 8) for row in report.groups)
    judged = {bar.name: bar.met for bar in bars(report)}
    assert judged["score_fusion: word-only classes whose first groups show it"] is False
    assert judged["score_fusion: noise among top picture parts"] is True
    assert "50.0 %" in format_report(report)
    assert report.as_dict()["groups"][0]["found"]["value"] == 0.5
