"""What the reader says of the example database, on both engines."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from db.read.reader import Reader
from db.records.evaluations import FaithfulnessView

FUSION = "feature_concatenation"
CLASSES = ["Arla-Mjölk", "Oat & <i>Rye</i>", "Zeta-Juice"]


def test_runs_and_models(reader: Reader) -> None:
    (run,) = reader.runs.all()
    assert (run.seed, run.dataset, run.settings["recipe"]["seed"]) == (7, "/data/example", 7)
    models = reader.models.all()
    assert [model.name for model in models] == [FUSION, "score_fusion", "embracenet"]
    assert models[0].classes == tuple(CLASSES)
    assert models[0].explanations == len(
        [
            1
            for label in CLASSES
            for s in reader.samples.of_class(label, FUSION)
            for _ in reader.explanations.of(FUSION, s.path)
        ]
    )


def test_accuracy_of_model_class_and_confusion_agree(reader: Reader) -> None:
    model = reader.models.all()[0]
    counts = np.zeros((3, 3))
    for pair in reader.models.confusion(FUSION):
        counts[CLASSES.index(pair.label), CLASSES.index(pair.predicted)] = pair.count
    samples = [s for label in CLASSES for s in reader.samples.of_class(label, FUSION, "test")]
    assert model.accuracy == pytest.approx(np.mean([s.right for s in samples]))
    assert model.accuracy == pytest.approx(np.trace(counts) / counts.sum())
    by_class = [view.accuracy for view in reader.classes.all(FUSION)]
    assert by_class == pytest.approx(np.diag(counts) / counts.sum(axis=1))


def test_classes_count_samples_and_explained_ones(reader: Reader) -> None:
    views = reader.classes.all(FUSION)
    assert [view.label for view in views] == CLASSES
    assert [(view.train, view.test, view.explained) for view in views] == [(1, 3, 3)] * 3
    assert [view.title for view in views] == ["Arla-Mjölk 1 l", *CLASSES[1:]]
    assert [view.family for view in views] == ["milk", "bread", None]
    without_model = reader.classes.all()
    assert [view.accuracy for view in without_model] == [None] * 3
    assert [view.explained for view in without_model] == [3] * 3
    assert [view.explained for view in reader.classes.all("nobody")] == [0] * 3


def test_samples_say_what_the_model_takes_them_for(reader: Reader) -> None:
    samples = reader.samples.of_class(CLASSES[1], FUSION)
    assert [s.path for s in samples] == [
        f"{split}/{CLASSES[1]}/x_{i:03}.jpg" for split, i in (("test", 0), ("test", 1), ("test", 2), ("train", 3))
    ]
    assert [s.explained for s in samples] == [True, True, True, False]
    assert [s.position for s in samples] == [0, 1, 2, 0]
    wrong = samples[0]
    assert (wrong.predicted, wrong.right) == (CLASSES[2], False)
    assert wrong.probability == pytest.approx(reader.predictions.of(FUSION, wrong.path)[0].probability)
    assert [s.split for s in reader.samples.of_class(CLASSES[1], FUSION, "train")] == ["train"]
    unasked = reader.samples.of_class(CLASSES[1], None)[0]
    assert (unasked.predicted, unasked.right, unasked.explained) == (None, None, False)


def test_a_sample_has_its_entries_and_pictures(reader: Reader) -> None:
    path = f"test/{CLASSES[0]}/x_000.jpg"
    sample = reader.samples.get(path)
    assert sample is not None
    assert [entry.text for entry in sample.entries][1] == "<b>x</b>"
    assert [entry.position for entry in sample.entries] == list(range(6))
    assert sample.entries[0].polygon[0] == (260.0, 260.0)
    assert sample.entries[2].confidence is None
    assert [(item.kind, item.entry_position) for item in sample.evidence] == [("entry", 0), ("region", None)]
    assert set(sample.pictures) == {"display", "thumbnail"}
    assert (sample.segments, sample.segmentation_width, sample.segmentation_height) == (20, 256, 256)


def test_a_sample_may_have_no_text_and_no_segmentation(reader: Reader) -> None:
    silent = reader.samples.get(f"test/{CLASSES[0]}/x_001.jpg")
    train = reader.samples.get(f"train/{CLASSES[0]}/x_003.jpg")
    assert silent is not None
    assert silent.entries == ()
    assert train is not None
    assert (train.segmentation_id, train.segments) == (None, None)


def test_predictions_fall_and_sum_to_one(reader: Reader) -> None:
    answers = reader.predictions.of(FUSION, f"test/{CLASSES[0]}/x_000.jpg", top=3)
    values = [answer.probability for answer in answers]
    assert answers[0].label == CLASSES[0]
    assert values == sorted(values, reverse=True)
    assert sum(values) == pytest.approx(1)
    assert len(reader.predictions.of(FUSION, f"test/{CLASSES[0]}/x_000.jpg", top=1)) == 1


@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        (f"test/{CLASSES[0]}/x_000.jpg", ["predicted", "runner_up"]),
        (f"test/{CLASSES[1]}/x_000.jpg", ["predicted", "true"]),
        (f"test/{CLASSES[2]}/x_001.jpg", ["predicted", "true", "runner_up"]),
        (f"train/{CLASSES[0]}/x_003.jpg", []),
    ],
)
def test_explanations_come_by_kind(reader: Reader, path: str, kinds: list[str]) -> None:
    explanations = reader.explanations.of(FUSION, path)
    assert [one.kind for one in explanations] == kinds
    for one in explanations:
        total = one.intercept + one.image_weights.sum(dtype=float) + one.text_weights.sum(dtype=float)
        assert total == pytest.approx(one.surrogate_prediction, abs=1e-6)
        assert one.predicted == reader.predictions.of(FUSION, path)[0].label
        assert one.probability == {p.label: p.probability for p in reader.predictions.of(FUSION, path)}[one.target]
        assert one.image_errors is None


def test_odd_explanations(reader: Reader) -> None:
    weak = reader.explanations.of(FUSION, f"test/{CLASSES[1]}/x_001.jpg")[0]
    assert weak.largest_weight <= 0
    assert weak.image_share_positive is None
    silent = reader.explanations.of(FUSION, f"test/{CLASSES[0]}/x_001.jpg")[0]
    assert (silent.text_weights.shape, silent.image_share) == ((0,), 1.0)
    assert reader.explanations.of(FUSION, f"test/{CLASSES[2]}/x_000.jpg")[0].image_weights.shape == (300,)


def test_class_explanations_are_those_of_the_true_class(reader: Reader) -> None:
    views = reader.explanations.of_true_class(FUSION, CLASSES[1])
    assert [view.sample for view in views] == [f"test/{CLASSES[1]}/x_00{i}.jpg" for i in range(3)]
    for view in views:
        of_sample = reader.explanations.of(FUSION, view.sample)
        (same,) = [one for one in of_sample if one.id == view.explanation_id]
        assert same.target == CLASSES[1] == same.label
        assert np.array_equal(view.text_weights, same.text_weights)
        detail = reader.samples.get(view.sample)
        assert detail is not None
        assert view.entries == tuple(entry.text for entry in detail.entries)
        assert (view.sample_id, view.segmentation_id) == (detail.id, detail.segmentation_id)


def test_groups_come_by_rank_with_members_by_weight(reader: Reader) -> None:
    groups = reader.groups.of_class(FUSION, CLASSES[0], "image")
    assert [group.rank for group in groups] == [1, 2]
    for group in groups:
        weights = [member.weight for member in group.members]
        assert weights == sorted(weights, reverse=True)
        assert group.representative == group.members[0]
        assert len(weights) == group.samples
        assert {member.text for member in group.members} == {None}
    (milk,) = reader.groups.of_class(FUSION, CLASSES[0], "text")
    for member in milk.members:
        detail = reader.samples.get(member.sample)
        assert detail is not None
        assert member.text == detail.entries[member.feature].text
    assert set(milk.spellings) >= Counter(member.text for member in milk.members).keys()


def test_image_shares_are_those_of_predicted_classes(reader: Reader) -> None:
    shares = reader.explanations.image_shares(FUSION)
    assert [share.sample for share in shares] == sorted(
        s.path for label in CLASSES for s in reader.samples.of_class(label, None, "test")
    )
    for share in shares:
        predicted = reader.explanations.of(FUSION, share.sample)[0]
        image, text = np.abs(predicted.image_weights).sum(), np.abs(predicted.text_weights).sum()
        assert share.image_share == pytest.approx(image / (image + text))
        assert share.right == (predicted.target == share.label)
    assert [s.label for s in reader.explanations.image_shares(FUSION, CLASSES[1])] == [CLASSES[1]] * 3


def test_outcomes_are_the_samples_of_all_classes_as_columns(reader: Reader) -> None:
    outcomes = reader.predictions.outcomes(FUSION)
    assert outcomes.labels == tuple(CLASSES)
    shares = {one.sample: one.image_share for one in reader.explanations.image_shares(FUSION)}
    views = sorted(
        (view for label in CLASSES for view in reader.samples.of_class(label, FUSION)), key=lambda view: view.id
    )
    assert outcomes.sample.tolist() == [view.id for view in views]
    for row, view in enumerate(views):
        assert outcomes.labels[outcomes.label[row]] == view.label
        assert outcomes.labels[outcomes.predicted[row]] == view.predicted
        assert outcomes.probability[row] == pytest.approx(view.probability)
        assert (outcomes.is_test[row], outcomes.is_correct[row]) == (view.split == "test", view.right)
        assert outcomes.explained[row] == view.explained
        expected = shares.get(view.path)
        assert outcomes.image_share[row] == pytest.approx(np.nan if expected is None else expected, nan_ok=True)
    assert len(reader.predictions.outcomes("nobody").sample) == 0


def test_samples_by_id_come_in_the_order_asked_for(reader: Reader) -> None:
    views = [view for label in CLASSES for view in reader.samples.of_class(label, FUSION)][::-2]
    found = reader.samples.by_id([view.id for view in views] + [10**6], FUSION)
    assert [(one.path, one.predicted, one.explained) for one in found] == [
        (one.path, one.predicted, one.explained) for one in views
    ]
    assert reader.samples.ids([view.path for view in views] + ["nobody"]) == {view.id for view in views}


def test_explanations_and_faithfulness_of_a_class_are_those_of_its_samples(reader: Reader) -> None:
    found = reader.explanations.of_class(FUSION, CLASSES[2])
    assert [one.sample for one in found] == [s.path for s in reader.samples.of_class(CLASSES[2], FUSION, "test")]
    for one in found:
        assert one.id == reader.explanations.of(FUSION, one.sample)[0].id
    measured = reader.evaluations.faithfulness_of_class(FUSION, CLASSES[2])
    assert measured == {one.sample: reader.evaluations.faithfulness(FUSION, one.sample) for one in found}
    assert reader.evaluations.faithfulness_of_class("embracenet", CLASSES[2]) == {}


def test_deletion_comes_by_model_and_modality(reader: Reader) -> None:
    views = reader.evaluations.deletion()
    assert [(view.model, view.modality) for view in views] == [
        (model, modality) for model in (FUSION, "score_fusion") for modality in ("image", "text")
    ]
    assert views[0].random_removed is not None
    assert views[0].top_removed is not None
    assert views[0].difference == pytest.approx(views[0].random_removed - views[0].top_removed)
    assert views[0].interval == (0.17, 0.39)
    assert (views[0].samples, views[0].draws) == (50, 20)


def test_faithfulness_is_that_of_the_answer(reader: Reader) -> None:
    path = f"test/{CLASSES[2]}/x_001.jpg"
    assert reader.evaluations.faithfulness(FUSION, path) == FaithfulnessView(0.3, 0.75, 0.5, 0.55)
    assert reader.evaluations.faithfulness("embracenet", path) is None


def test_noise_counts_the_features_that_went_into_groups(reader: Reader) -> None:
    members = sum(len(group.members) for group in reader.groups.of_class(FUSION, CLASSES[0], "image"))
    noise = reader.groups.noise(FUSION, CLASSES[0])
    assert {modality: (view.features - view.noise) for modality, view in noise.items()} == {"image": members}


def test_shared_groups_name_groups_of_their_classes(reader: Reader) -> None:
    shared = [view for modality in ("text", "image") for view in reader.groups.shared(FUSION, modality)]
    assert [(view.modality, view.labels) for view in shared] == [
        ("text", tuple(sorted(label for label in CLASSES if reader.groups.of_class(FUSION, label, "text")))),
        ("image", (CLASSES[0], CLASSES[2])),
    ]
    for view in shared:
        groups = reader.groups.by_id([*(sharing.group_id for sharing in view.groups), 10**6])
        assert tuple(group.label for group in groups) == view.labels
        for group in groups:
            assert group in reader.groups.of_class(FUSION, group.label, view.modality)


def test_progress_problems_and_failures(reader: Reader) -> None:
    progress = {stage.stage: (stage.done, stage.failed) for stage in reader.runs.progress()}
    assert list(progress)[:4] == ["ingest", "train", "predict", "explain-local"]
    assert (progress["explain-local"], progress["ocr"]) == ((27, 0), (0, 1))
    assert [(p.file, p.line) for p in reader.runs.problems()] == [("test/metadata.jsonl", 12)]
    assert [unit.key for unit in reader.runs.failures()] == ["test/broken.jpg"]


def test_names_that_are_not_stored_give_nothing(reader: Reader) -> None:
    path = f"test/{CLASSES[0]}/x_000.jpg"
    assert reader.samples.get("nobody") is None
    assert reader.pictures.of_sample("nobody", "display") is None
    assert reader.pictures.sprite("nobody", "test") is None
    assert reader.pictures.label_map("nobody") is None
    assert reader.models.confusion("nobody") == []
    assert reader.samples.of_class("nobody", FUSION) == []
    assert reader.predictions.of("nobody", path) == []
    assert reader.explanations.of("nobody", path) == []
    assert reader.groups.of_class("nobody", CLASSES[0], "image") == []
    assert reader.groups.by_id([10**6]) == []
    assert reader.explanations.image_shares("nobody") == []
    assert reader.evaluations.faithfulness("nobody", path) is None
    assert reader.groups.noise("nobody", CLASSES[0]) == {}
    assert reader.groups.shared("nobody", "text") == []
    assert reader.explanations.of_true_class("nobody", CLASSES[0]) == []
