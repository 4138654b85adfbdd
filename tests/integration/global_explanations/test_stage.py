"""The global stage on a stored database: what it writes."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.read.reader import Reader
from db.schema.tables import GlobalGroup
from precompute.recipe import Recipe
from tests.example_database import NAMES
from tests.integration.global_explanations.place import FUSIONS, Place, top_features


def test_groups_hold_top_features_and_score_by_normlime(place: Place) -> None:
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
                top = top_features(explanations, modality)
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


def test_image_groups_are_parts_of_one_colour(place: Place) -> None:
    place.run()
    for model in FUSIONS:
        groups = Reader(place.engine).groups.of_class(model, NAMES[0], "image")
        assert groups
        for group in groups:
            assert len({member.feature % 3 for member in group.members}) == 1


def test_text_groups_join_spellings_and_count_them(place: Place) -> None:
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


def test_a_part_that_several_models_rely_on_is_embedded_once(place: Place) -> None:
    place.run()
    reader = Reader(place.engine)
    for_one = place.classifier.images_embedded
    parts = [
        {part for model in FUSIONS for part in top_features(reader.explanations.of_true_class(model, label), "image")}
        for label in NAMES
    ]
    batch = Recipe().runtime.batch_size
    rows = sum(
        len(top_features(reader.explanations.of_true_class(model, label), "image"))
        for model in FUSIONS
        for label in NAMES
    )
    # Batches are filled up, at most one for each model and class.
    assert for_one <= sum(len(one) for one in parts) + batch * len(FUSIONS) * len(NAMES)
    assert sum(len(one) for one in parts) < rows


def test_a_shared_word_is_one_concept_of_all_classes_and_counts_least_by_homogeneity(place: Place) -> None:
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


def test_picked_samples_cover_the_groups(place: Place) -> None:
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


def test_groups_of_train_samples_alone_leave_out_the_test_samples(place: Place) -> None:
    place.run(Recipe.model_validate({"global": {"split": "train"}}))
    assert place.units() == {}  # the example explains test samples alone
    place.run(Recipe.model_validate({"global": {"split": "test"}}))
    assert len(place.units()) == 9


def test_the_bare_tower_groups_by_other_embeddings(place: Place) -> None:
    place.run()
    place.run(Recipe.model_validate({"global": {"embedding": "tower"}}))
    with Session(place.engine) as session:
        centroids = session.scalars(select(GlobalGroup.centroid).where(GlobalGroup.modality == "image")).all()
    assert centroids
    assert all(len(centroid) == 48 for centroid in centroids)  # the tower's width; the hidden layer's is 16


def test_parts_in_no_group_are_counted_as_noise(place: Place) -> None:
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


def test_without_an_image_model_there_are_text_groups_alone(place: Place) -> None:
    place.run(models=False)
    reader = Reader(place.engine)
    assert all(reader.groups.of_class(model, label, "image") == [] for model in FUSIONS for label in NAMES)
    assert any(reader.groups.of_class(model, label, "text") for model in FUSIONS for label in NAMES)
