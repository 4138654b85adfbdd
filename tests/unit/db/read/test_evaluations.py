"""Groups that classes share, and measured figures of any kind, on both engines."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from db import session
from db.read.reader import Reader
from db.records.written import FinishedUnit, RankRecord
from db.schema.tables import Category, GlobalGroup, Model
from db.write.writer import Writer
from tests.example_database import build

MODEL = "score_fusion"


@pytest.fixture
def url(engine_url: str) -> str:
    build(engine_url, classes=5, samples=12)
    return engine_url


def test_groups_of_one_concept_are_shared_by_their_classes(url: str) -> None:
    engine = session.create(url)
    writer = Writer(engine)
    writer.start_run({}, "example", 7, {}, "", "")
    with engine.connect() as connection:
        groups = connection.execute(
            select(GlobalGroup.id, Category.label, GlobalGroup.samples, GlobalGroup.score)
            .join(Model, Model.id == GlobalGroup.model_id)
            .join(Category, Category.id == GlobalGroup.category_id)
            .where(Model.name == MODEL, GlobalGroup.modality == "text")
            .order_by(GlobalGroup.id)
        ).all()
    concepts = [1 if index < 3 else 2 if index < 5 else None for index in range(len(groups))]
    ranks = [RankRecord(one.id, 4, one.score, concept) for one, concept in zip(groups, concepts, strict=True)]
    writer.store([FinishedUnit("rank-global", "h", MODEL, ranks)])
    reader = Reader(engine)
    first, second = reader.groups.shared(MODEL, "text")
    assert (first.concept, second.concept) == (1, 2)
    assert first.labels == tuple(sorted(group.label for group in groups[:3]))
    assert {group.group_id for group in second.groups} == {group.id for group in groups[3:5]}
    assert {group.rank for group in first.groups} == {4}
    assert first.name in {group.name for group in first.groups if group.samples == max(g.samples for g in groups[:3])}
    assert reader.groups.shared("embracenet", "text") == []
    # The groups stay those of the unit that made them.
    with engine.connect() as connection:
        assert connection.scalars(select(GlobalGroup.id).where(GlobalGroup.rank == 4)).all() == [g.id for g in groups]
    writer.prune("rank-global", set())
    assert len(Reader(engine).groups.shared(MODEL, "text")) == 2


def test_figures_are_found_by_kind_model_sample_and_class(url: str) -> None:
    reader = Reader(session.open_read_only(url))
    image, text = reader.evaluations.figures("deletion", MODEL)
    assert (image.model, image.sample, image.modality, text.modality) == (MODEL, None, "image", "text")
    assert [row for row in reader.evaluations.figures("deletion") if row.model == MODEL] == [image, text]
    assert reader.evaluations.figures("deletion", "embracenet") == []
    (planted,) = reader.evaluations.figures("planted", path="test/Arla-Mjölk/x_000.jpg")
    assert planted.figures == {"hit": True, "chance": None}
    assert planted.label == "Arla-Mjölk"
    assert reader.evaluations.figures("planted", label="Arla-Mjölk") == [planted]
    assert reader.evaluations.figures("planted", label="Zeta-Juice") == []
