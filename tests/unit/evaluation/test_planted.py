"""The report on planted evidence, on a small database whose right answers are counted by hand."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from db.errors import UserError
from db.schema.tables import (
    Category,
    Evaluation,
    Evidence,
    Explanation,
    GlobalGroup,
    GlobalMember,
    Model,
    OcrEntry,
    Prediction,
    Run,
    Sample,
    Segmentation,
    WorkUnit,
)
from db.session import create
from precompute.evaluation.planted import bars, format_report, planted_report
from precompute.evaluation.statistics import chance_of_a_hit
from precompute.local_explanations.segments import encode_label_map

NOW = datetime.datetime(2026, 1, 1)
CLASSES = ["word-a", "word-b", "picture-a", "picture-b"]
# 16 superpixels of 4 x 4 pixels on a 16 x 16 grid; the planted region covers number 5.
GRID = np.kron(np.arange(16).reshape(4, 4), np.ones((4, 4), dtype=int)).astype(np.int32)
REGION = [(40.0, 20.0), (80.0, 20.0), (80.0, 40.0), (40.0, 40.0)]
PICTURE_SIZE = (160, 80)


class _Shop:
    """Samples of four classes with two models' answers, added one at a time."""

    def __init__(self, session: Session) -> None:
        self.session = session
        run = Run(
            settings={},
            settings_hash="r",
            seed=0,
            versions={},
            dataset="d",
            artifacts="a",
            started_at=NOW,
            finished_at=NOW,
        )
        session.add(run)
        session.flush()
        self.run = run.id
        self.unit = WorkUnit(
            run_id=run.id, stage="s", settings_hash="h", key="k", status="done", seconds=0, finished_at=NOW
        )
        self.categories = [
            Category(run_id=run.id, label=label, family=f"{label.split('-')[0]}: pair") for label in CLASSES
        ]
        self.models = {
            kind: Model(
                run_id=run.id,
                name=kind,
                kind=kind,
                position=position,
                explained=kind == "score_fusion",
                settings={},
                settings_hash="m",
                checkpoint_hash="c",
                classes=CLASSES,
                history=[],
            )
            for position, kind in enumerate(("image", "score_fusion"))
        }
        session.add_all([self.unit, *self.categories, *self.models.values()])
        session.flush()
        self.count = 0

    def sample(self, category: int, probabilities: dict[str, list[float]], split: str = "test") -> Sample:
        self.count += 1
        sample = Sample(
            run_id=self.run,
            path=f"{split}/{CLASSES[category]}/{self.count:03}.jpg",
            split=split,
            category_id=self.categories[category].id,
            picture_hash="p",
            entries_hash="e",
            width=PICTURE_SIZE[0],
            height=PICTURE_SIZE[1],
        )
        self.session.add(sample)
        self.session.flush()
        for name, values in probabilities.items():
            best = int(np.argmax(values))
            self.session.add(
                Prediction(
                    unit_id=self.unit.id,
                    model_id=self.models[name].id,
                    sample_id=sample.id,
                    category_id=self.categories[best].id,
                    probability=values[best],
                    probabilities=np.array(values, "f4"),
                )
            )
        word = CLASSES[category].startswith("word")
        self.session.add(
            Evidence(
                sample_id=sample.id,
                kind="entry" if word else "region",
                entry_position=1 if word else None,
                polygon=[] if word else REGION,
            )
        )
        for position in range(4):
            self.session.add(OcrEntry(sample_id=sample.id, position=position, text=f"w{position}", polygon=[]))
        return sample

    def explain(self, sample: Sample, target: int, image: list[float], text: list[float], share: float | None) -> None:
        segmentation = Segmentation(
            sample_id=sample.id,
            settings_hash="s",
            segments=16,
            width=16,
            height=16,
            label_map=encode_label_map(GRID),
        )
        self.session.add(segmentation)
        self.session.flush()
        self.session.add(
            Explanation(
                unit_id=self.unit.id,
                model_id=self.models["score_fusion"].id,
                sample_id=sample.id,
                segmentation_id=segmentation.id,
                category_id=self.categories[target].id,
                kind="predicted",
                probability=0.9,
                surrogate_prediction=0.9,
                intercept=0.0,
                r2=1.0,
                image_evaluations=1,
                text_evaluations=1,
                sampler="lime",
                fill="black",
                seed=0,
                image_weights=np.array(image, "f4"),
                text_weights=np.array(text, "f4"),
                image_share=share,
                image_share_positive=share,
                probability_without_text=0.0,
                probability_without_image=0.0,
            )
        )


def _weights(**heaviest: float) -> list[float]:
    """16 weights, all slightly positive; `s5=0.5` sets that of superpixel 5."""
    weights = [0.001 * (16 - number) for number in range(16)]
    for name, weight in heaviest.items():
        weights[int(name[1:])] = weight
    return weights


@pytest.fixture
def shop(database_url: str) -> tuple[Engine, _Shop]:
    engine = create(database_url)
    with Session(engine) as session, session.begin():
        made = _Shop(session)
        fusion_right = {c: [0.7 if i == c else 0.1 for i in range(4)] for c in range(4)}
        # Word twins: the image model always says word-a, but once it is lost among the picture classes.
        for category, image in [(0, [0.5, 0.3, 0.1, 0.1]), (1, [0.5, 0.3, 0.1, 0.1]), (0, [0.3, 0.2, 0.5, 0.0])]:
            sample = made.sample(category, {"image": image, "score_fusion": fusion_right[category]})
            top = [0.1, 0.5, 0.0, 0.0] if category == 0 else [0.5, 0.1, 0.0, 0.0]
            made.explain(sample, category, _weights(), top, 0.2 if category == 0 else 0.6)
        # Picture twins: found once in the top 3, once only fourth, once with evidence against it alone.
        for heaviest in ({"s5": 0.3, "s0": 0.9, "s1": 0.5}, {"s5": 0.3, "s0": 0.9, "s1": 0.5, "s2": 0.4}, {"s5": -0.9}):
            sample = made.sample(2, {"image": fusion_right[2], "score_fusion": fusion_right[2]})
            made.explain(sample, 2, _weights(**heaviest), [0.1, 0.0, 0.0, 0.0], 0.6)
        # A wrong prediction and a train sample: neither counts among the findings.
        wrong = made.sample(3, {"image": fusion_right[2], "score_fusion": fusion_right[2]})
        made.explain(wrong, 2, _weights(s5=0.9), [0.1, 0.0, 0.0, 0.0], 0.9)
        made.sample(0, {"image": fusion_right[1], "score_fusion": fusion_right[1]}, split="train")
    return engine, made


def test_accuracy_is_counted_among_all_classes_and_between_twins(shop: tuple[Engine, _Shop]) -> None:
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


def test_findings_are_counted_on_right_test_samples_alone(shop: tuple[Engine, _Shop]) -> None:
    findings = {row.kind: row for row in planted_report(shop[0]).findings}
    word, picture = findings["word"], findings["picture"]
    assert word.top_entry is not None and picture.top_parts is not None
    assert (word.right, word.top_entry.hits, word.top_entry.count, word.top_parts) == (3, 2, 3, None)
    assert word.top_entry.chance == pytest.approx(1 / 4)
    assert (picture.right, picture.top_parts.hits, picture.top_parts.count, picture.top_entry) == (3, 1, 3, None)
    assert picture.top_parts.chance == pytest.approx(chance_of_a_hit(1, 16, 3)) == pytest.approx(3 / 16)
    assert picture.reachable == 3
    assert picture.region_mean == pytest.approx(1 / 16)


def test_image_share_separates_the_families_with_ties_counting_half(shop: tuple[Engine, _Shop]) -> None:
    (pair,) = planted_report(shop[0]).separations
    # Picture-only: .6 .6 .6; word-only: .2 .2 .6 -> 6 pairs won and 3 tied of 9.
    assert (pair.picture, pair.word, pair.auc) == (3, 3, pytest.approx(7.5 / 9))


def test_text_and_json_give_the_figures_with_bars_met_and_not_met(shop: tuple[Engine, _Shop]) -> None:
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


def test_chosen_models_alone_are_judged_and_an_unknown_one_is_named(shop: tuple[Engine, _Shop]) -> None:
    assert {row.model for row in planted_report(shop[0], ["image"]).accuracies} == {"image"}
    with pytest.raises(UserError, match="model vision: not in the database; it has image, score_fusion"):
        planted_report(shop[0], ["vision"])


def test_a_database_without_planted_evidence_is_refused(database_url: str) -> None:
    with pytest.raises(UserError, match="planted evidence: none"):
        planted_report(create(database_url))


def _group(session: Session, shop: _Shop, modality: str, rank: int, sample: Sample, feature: int) -> None:
    explanation = session.scalars(select(Explanation).where(Explanation.sample_id == sample.id)).one()
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


def test_groups_show_what_was_planted_where_they_stand_first(shop: tuple[Engine, _Shop]) -> None:
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
