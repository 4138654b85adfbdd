"""What the stages read is what the browser reads of the same thing, on both engines."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from db import session
from db.read.reader import Reader

FUSION = "feature_concatenation"
CLASSES = ["Arla-Mjölk", "Oat & <i>Rye</i>", "Zeta-Juice"]


@pytest.fixture(scope="module")
def reader(example_url: str) -> Reader:
    return Reader(session.open_read_only(example_url))


def test_stored_models_are_all_models_and_the_explained_ones_some_of_them(reader: Reader) -> None:
    views = reader.models.all()
    assert [(one.name, one.kind, one.classes) for one in reader.models.stored()] == [
        (view.name, view.kind, view.classes) for view in views
    ]
    assert [one.name for one in reader.models.stored(explained=True)] == [v.name for v in views if v.explained]


def test_the_latest_run_is_finished_and_ingested_the_samples(reader: Reader) -> None:
    run = reader.runs.latest()
    assert run == reader.runs.all()[-1]
    assert run is not None
    assert reader.runs.is_finished(run.settings_hash) == (run.finished_at is not None)
    assert not reader.runs.is_finished("another")
    assert reader.runs.of_samples() == [run]
    assert reader.runs.count_problems() == len(reader.runs.problems()) == reader.runs.count_problems(run=run.id)


def test_samples_come_by_path_with_the_entries_of_each(reader: Reader) -> None:
    found = reader.samples.including_entries()
    assert [one.path for one in found] == sorted(one.path for one in found)
    assert [one.path for one in found] == [one.path for one in reader.samples.versions()]
    assert reader.classes.labels() == CLASSES
    assert reader.classes.folders() == sorted({(one.split, one.label) for one in found})
    for one in found:
        detail = reader.samples.get(one.path)
        assert detail is not None
        assert (one.id, one.label, one.picture_hash, one.entries) == (
            detail.id,
            detail.label,
            detail.picture_hash,
            detail.entries,
        )
    part = reader.samples.including_entries("test", CLASSES[0])
    assert part == [one for one in found if (one.split, one.label) == ("test", CLASSES[0])]


def test_predictions_of_test_samples_are_right_where_the_class_is_theirs(reader: Reader) -> None:
    found = reader.predictions.on_test(FUSION)
    assert [one.sample for one in found] == sorted(one.sample for one in found)
    views = {view.path: view for label in CLASSES for view in reader.samples.of_class(label, FUSION, "test")}
    assert {one.sample: one.right for one in found} == {path: view.right for path, view in views.items()}
    for label in CLASSES:
        right = {one.sample for one in found if one.right and one.label == label}
        assert reader.predictions.right_on_test(FUSION, label) == right


def test_stamps_follow_the_explanations_of_the_true_class(reader: Reader) -> None:
    stamps = reader.explanations.stamps()
    for label in CLASSES:
        found = reader.explanations.of_true_class(FUSION, label)
        assert stamps.get((FUSION, label), []) == [(one.explanation_id, one.stamp) for one in found]
        of_test = reader.explanations.of_true_class(FUSION, label, "test")
        assert of_test == [] or [one.sample for one in of_test] == [one.sample for one in found if one.split == "test"]


def test_explanations_are_counted_by_model_and_by_sample(reader: Reader) -> None:
    by_model = {model.name: model.explanations for model in reader.models.all()}
    assert reader.explanations.count() == sum(by_model.values())
    assert reader.explanations.count([FUSION]) == by_model[FUSION]
    assert sum(reader.explanations.count_by_sample().values()) == reader.explanations.count()


def test_stored_groups_have_the_members_that_the_browser_shows(reader: Reader) -> None:
    stored = reader.groups.stored(FUSION)
    assert reader.groups.count([FUSION]) == len(stored)
    views = [view for label in CLASSES for m in ("image", "text") for view in reader.groups.of_class(FUSION, label, m)]  # type: ignore[arg-type]
    assert Counter((one.id, one.rank, one.name, len(one.members)) for one in stored) == Counter(
        (view.id, view.rank, view.name, len(view.members)) for view in views
    )
    for label in CLASSES:
        ranks = [rank for rank, _, _ in reader.groups.image_groups(FUSION, label)]
        with_centroid = [g for g in stored if g.label == label and g.centroid is not None and g.radius is not None]
        assert ranks == sorted(one.rank for one in with_centroid)


def test_a_members_norm_is_the_sum_of_absolute_weights_of_its_explanation(reader: Reader) -> None:
    explanations = {
        one.explanation_id: one for label in CLASSES for one in reader.explanations.of_true_class(FUSION, label)
    }
    for group in reader.groups.stored(FUSION):
        for member in group.members:
            of = explanations[member.explanation_id]
            plain = sum(abs(float(w)) for w in np.concatenate([of.image_weights, of.text_weights]))
            assert member.norm == pytest.approx(plain)


def test_units_of_a_stage_are_those_that_progress_counts(reader: Reader) -> None:
    for stage in reader.runs.progress():
        assert len(reader.units.done(stage.stage)) == stage.done
    counts = reader.units.counts([stage.stage for stage in reader.runs.progress()])
    assert sum(one.units for one in counts) == sum(stage.done for stage in reader.runs.progress())


def test_names_that_are_not_stored_give_nothing(reader: Reader) -> None:
    assert reader.runs.of_stage("nothing") is None
    assert reader.samples.including_entries(label="nothing") == []
    assert reader.predictions.on_test("nobody") == []
    assert reader.explanations.right_on_test("nobody") == []
    assert reader.explanations.superpixel_weights("nobody") == {}
    assert reader.groups.stored("nobody") == []
    assert reader.embedding.forecasts("nobody") == []
    assert reader.units.of_model("predict", "nobody") == []
