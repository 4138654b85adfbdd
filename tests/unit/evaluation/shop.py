"""A small database with planted evidence, whose right answers are counted by hand."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from db.schema.tables import (
    Category,
    Evidence,
    Explanation,
    Model,
    OcrEntry,
    Prediction,
    Run,
    Sample,
    Segmentation,
    WorkUnit,
)
from db.session import create
from precompute.local_explanations.superpixels import encode_label_map

NOW = datetime.datetime(2026, 1, 1)
CLASSES = ["word-a", "word-b", "picture-a", "picture-b"]
# 16 superpixels of 4 x 4 pixels on a 16 x 16 grid; the planted region covers number 5.
GRID = np.kron(np.arange(16).reshape(4, 4), np.ones((4, 4), dtype=int)).astype(np.int32)
REGION = [(40.0, 20.0), (80.0, 20.0), (80.0, 40.0), (40.0, 40.0)]
PICTURE_SIZE = (160, 80)


class Shop:
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


def weights(**heaviest: float) -> list[float]:
    """16 weights, all slightly positive; `s5=0.5` sets that of superpixel 5."""
    weights = [0.001 * (16 - number) for number in range(16)]
    for name, weight in heaviest.items():
        weights[int(name[1:])] = weight
    return weights


@pytest.fixture
def shop(database_url: str) -> tuple[Engine, Shop]:
    engine = create(database_url)
    with Session(engine) as session, session.begin():
        made = Shop(session)
        fusion_right = {c: [0.7 if i == c else 0.1 for i in range(4)] for c in range(4)}
        # Word twins: the image model always says word-a, but once it is lost among the picture classes.
        for category, image in [(0, [0.5, 0.3, 0.1, 0.1]), (1, [0.5, 0.3, 0.1, 0.1]), (0, [0.3, 0.2, 0.5, 0.0])]:
            sample = made.sample(category, {"image": image, "score_fusion": fusion_right[category]})
            top = [0.1, 0.5, 0.0, 0.0] if category == 0 else [0.5, 0.1, 0.0, 0.0]
            made.explain(sample, category, weights(), top, 0.2 if category == 0 else 0.6)
        # Picture twins: found once in the top 3, once only fourth, once with evidence against it alone.
        for heaviest in ({"s5": 0.3, "s0": 0.9, "s1": 0.5}, {"s5": 0.3, "s0": 0.9, "s1": 0.5, "s2": 0.4}, {"s5": -0.9}):
            sample = made.sample(2, {"image": fusion_right[2], "score_fusion": fusion_right[2]})
            made.explain(sample, 2, weights(**heaviest), [0.1, 0.0, 0.0, 0.0], 0.6)
        # A wrong prediction and a train sample: neither counts among the findings.
        wrong = made.sample(3, {"image": fusion_right[2], "score_fusion": fusion_right[2]})
        made.explain(wrong, 2, weights(s5=0.9), [0.1, 0.0, 0.0, 0.0], 0.9)
        made.sample(0, {"image": fusion_right[1], "score_fusion": fusion_right[1]}, split="train")
    return engine, made
