"""One class's global explanation, and why there is none where there is none."""

from collections.abc import Sequence

import numpy as np

from db.records.explanations import TrueClassExplanation
from precompute.global_explanations.class_explanation import explain_class
from precompute.global_explanations.features import Feature
from precompute.global_explanations.image_groups import Embeddings
from precompute.recipe import GlobalSettings
from tests.unit.global_explanations.features_of import explanation

SETTINGS = GlobalSettings()


def _by_segment(features: Sequence[Feature]) -> Embeddings:
    """Segment 0, 1, 2, ... of every sample look alike."""
    points = np.eye(16, dtype=np.float32)[[feature.index for feature in features]]
    # Equal points would be at distance 0 of each other: stand a little apart.
    places = [int(feature.sample[-8:-4]) for feature in features]
    return points + 0.001 * np.cos(np.outer(places, np.arange(16)) + 1).astype(np.float32)


def _class(samples: int) -> list[TrueClassExplanation]:
    return [
        explanation(
            sample, [0.5, 0.25, -0.5, 0.125], [0.5, 0.25, -0.25], ["MILK", "M1LK" if sample % 2 else "SOUR", "x"]
        )
        for sample in range(samples)
    ]


def test_parts_and_words_that_come_back_are_groups() -> None:
    found = explain_class(_class(6), _by_segment, SETTINGS)
    assert sorted(sorted({m.index for m in group.members}) for group in found["image"].groups) == [[0], [1], [3]]
    assert sorted(group.name for group in found["text"].groups) == ["M1LK", "MILK", "SOUR"] or sorted(
        group.name for group in found["text"].groups
    ) == ["MILK", "SOUR"]
    assert max(group.samples for group in found["image"].groups) == 6
    assert found["image"].reason is None


def test_counts_say_what_went_in_and_what_was_left_out() -> None:
    alone = explanation(9, [0.0], [0.5], ["HAPAX"])
    found = explain_class([*_class(6), alone], _by_segment, SETTINGS)
    assert (found["text"].explained, found["text"].support) == (7, 2)
    assert (found["text"].features, found["text"].noise, found["text"].rare) == (13, 0, 1)
    assert found["image"].features == 18
    assert found["image"].noise == 18 - sum(len(group.members) for group in found["image"].groups)


def test_one_explained_sample_shows_nothing_and_says_why() -> None:
    found = explain_class(_class(1), _by_segment, SETTINGS)
    for modality in ("image", "text"):
        assert found[modality].groups == ()  # type: ignore[index]
        assert found[modality].reason == "explained samples of the class: 1; a group needs 2"  # type: ignore[index]


def test_weights_that_are_all_against_the_class_say_so() -> None:
    against = [explanation(sample, [-0.5, 0.0], [-0.1], ["MILK"]) for sample in range(4)]
    found = explain_class(against, _by_segment, SETTINGS)
    assert found["image"].reason == "no part of a picture has a weight above 0"
    assert found["text"].reason == "no text has a weight above 0"


def test_words_that_never_come_back_say_so() -> None:
    texts = ["MILK", "BREAD", "COFFEE"]
    found = explain_class([explanation(n, [], [0.5], [text]) for n, text in enumerate(texts)], _by_segment, SETTINGS)
    assert found["text"].reason == "no text came back in 2 of 3 samples"
    assert found["text"].rare == 3


def test_parts_that_all_look_alike_are_not_said_never_to_come_back() -> None:
    found = explain_class(_class(6), lambda features: np.ones((len(features), 16), np.float32), SETTINGS)
    assert (found["image"].features, found["image"].noise) == (18, 18)
    assert found["image"].reason == "no parts were found that stand out from the rest in 2 of 6 samples"


def test_without_a_trained_image_classifier_there_are_text_groups_alone() -> None:
    found = explain_class(_class(6), None, SETTINGS)
    assert found["text"].groups
    assert found["image"].groups == ()
    assert found["image"].reason == "no image classifier is trained that could tell which parts look alike"


def test_the_order_of_explanations_changes_nothing() -> None:
    explanations = _class(7)
    assert explain_class(explanations[::-1], _by_segment, SETTINGS) == explain_class(
        explanations, _by_segment, SETTINGS
    )
