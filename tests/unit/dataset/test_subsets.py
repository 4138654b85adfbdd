"""Choosing and splitting samples depends on names and seed alone."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from precompute.dataset.samples import LabelledSample
from precompute.dataset.subsets import choose_samples, stratified_split


def samples(counts: dict[str, int]) -> list[LabelledSample]:
    return [
        LabelledSample(0, f"test/{label}/{i}.jpg", Path(), "test", label, (), "", "")
        for label, count in counts.items()
        for i in range(count)
    ]


def paths(chosen: list[LabelledSample]) -> set[str]:
    return {sample.path for sample in chosen}


def test_a_larger_number_keeps_what_a_smaller_one_chose() -> None:
    given = samples({"a": 20, "b": 4, "c": 2})
    three, five = choose_samples(given, 3, 7), choose_samples(given, 5, 7)
    assert paths(three) < paths(five)
    assert [sum(s.label == label for s in five) for label in "abc"] == [5, 4, 2]


def test_the_choice_in_one_class_does_not_depend_on_other_classes() -> None:
    alone = choose_samples(samples({"a": 20}), 3, 7)
    assert paths(alone) <= paths(choose_samples(samples({"b": 9, "a": 20}), 3, 7))


def test_the_order_given_is_kept_and_none_means_all() -> None:
    given = samples({"b": 3, "a": 3})
    assert choose_samples(given, None, 0) == given
    assert choose_samples(given, 3, 0) == given


def test_another_seed_chooses_otherwise() -> None:
    given = samples({"a": 50})
    assert paths(choose_samples(given, 5, 0)) != paths(choose_samples(given, 5, 1))


def split_sizes(count: int, share: float) -> tuple[int, int]:
    splits = stratified_split([("a", f"{i}") for i in range(count)], share, 0)
    return list(splits.values()).count("train"), list(splits.values()).count("test")


@given(st.integers(1, 60), st.floats(0.01, 0.99))
def test_every_class_is_in_train_and_in_test_where_it_has_two_samples(count: int, share: float) -> None:
    train, test = split_sizes(count, share)
    assert train >= 1
    assert test >= min(1, count - 1)
    assert abs(test - count * share) <= 1


def test_shares_of_nothing_and_of_all_are_taken_literally() -> None:
    assert split_sizes(5, 0.0) == (5, 0)
    assert split_sizes(5, 1.0) == (0, 5)
    assert split_sizes(1, 1 / 3) == (1, 0)


def test_the_split_is_seeded() -> None:
    given = [("a", f"{i}") for i in range(40)]
    assert stratified_split(given, 0.3, 0) == stratified_split(reversed(given), 0.3, 0)
    assert stratified_split(given, 0.3, 0) != stratified_split(given, 0.3, 1)
