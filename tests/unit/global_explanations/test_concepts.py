"""What groups of several classes have in common."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from precompute.global_explanations.concepts import ClassGroup, find_concepts


def _text(key: int, label: str, name: str, samples: int = 3) -> ClassGroup:
    return ClassGroup(key, label, "text", samples, name)


def _image(key: int, label: str, degrees: float, radius: float = 0.01, samples: int = 3) -> ClassGroup:
    angle = np.radians(degrees)
    return ClassGroup(key, label, "image", samples, "", np.array([np.cos(angle), np.sin(angle)], "f4"), radius)


def test_a_word_of_two_classes_is_one_concept_under_ocr_noise() -> None:
    groups = [_text(1, "a", "MJÖLK"), _text(2, "b", "MJOLK"), _text(3, "c", "HAVRE")]
    assert find_concepts(groups, 0.75) == {1: 1, 2: 1}


def test_unlike_digits_and_words_of_one_class_alone_are_no_concept() -> None:
    groups = [_text(1, "a", "1,5%"), _text(2, "b", "0,5%"), _text(3, "c", "HAVRE"), _text(4, "c", "HAVRAL")]
    assert find_concepts(groups, 0.5) == {}


def test_parts_of_two_classes_are_one_concept_where_each_lies_within_the_other() -> None:
    # 1 - cos 5 degrees = 0.0038, 1 - cos 10 degrees = 0.0152.
    groups = [_image(1, "a", 0), _image(2, "b", 5), _image(3, "c", 10)]
    assert find_concepts(groups, 0.75) == {1: 1, 2: 1}
    assert find_concepts([_image(1, "a", 0), _image(2, "b", 5, radius=0.001)], 0.75) == {}


def test_texts_and_parts_are_counted_apart() -> None:
    groups = [_text(1, "a", "MILK"), _text(2, "b", "MILK"), _image(3, "a", 0), _image(4, "b", 0)]
    assert find_concepts(groups, 0.75) == {1: 1, 2: 1, 3: 1, 4: 1}


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.text("xyz1", min_size=1, max_size=4), st.integers(1, 3)), max_size=12
    ),
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 90), st.floats(0, 0.1), st.integers(1, 3)), max_size=12),
    st.randoms(use_true_random=False),
)
def test_the_order_of_groups_changes_nothing(
    texts: list[tuple[str, str, int]], parts: list[tuple[str, int, float, int]], chance: object
) -> None:
    groups = [_text(key, label, name, samples) for key, (label, name, samples) in enumerate(texts)]
    groups += [_image(100 + key, label, angle, r, n) for key, (label, angle, r, n) in enumerate(parts)]
    found = find_concepts(groups, 0.75)
    chance.shuffle(groups)  # type: ignore[attr-defined]
    assert find_concepts(groups, 0.75) == found


def test_without_groups_there_is_no_concept() -> None:
    assert find_concepts([], 0.75) == {}
