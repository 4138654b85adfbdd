"""Accuracy, top-k accuracy and confusion against plain loops."""

import numpy as np

from precompute.models.metrics import accuracy, confusion, top_k_accuracy


def plain_top_k(true: list[int], probabilities: list[list[float]], k: int) -> float:
    right = 0
    for label, row in zip(true, probabilities, strict=True):
        better = sum(1 for i, p in enumerate(row) if p > row[label] or (p == row[label] and i < label))
        right += better < k
    return right / len(true)


def test_accuracy_counts_equal_pairs() -> None:
    assert accuracy(np.array([0, 1, 2, 2]), np.array([0, 2, 2, 2])) == 3 / 4


def test_top_k_equals_a_plain_count_of_better_classes() -> None:
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.ones(5), size=200).round(1)  # rounded, so that there are ties
    true = generator.integers(0, 5, 200)
    for k in (1, 2, 3, 5):
        assert top_k_accuracy(true, probabilities, k) == plain_top_k(true.tolist(), probabilities.tolist(), k)


def test_top_one_is_the_accuracy_of_the_most_probable_class() -> None:
    probabilities = np.random.default_rng(1).random((50, 4))
    true = np.arange(50) % 4
    assert top_k_accuracy(true, probabilities, 1) == accuracy(true, probabilities.argmax(axis=1))


def test_confusion_counts_every_pair_that_occurs_once() -> None:
    true = ["b", "a", "a", "b", "a"]
    predicted = ["b", "b", "a", "b", "b"]
    assert confusion(true, predicted) == [["a", "a", 1], ["a", "b", 2], ["b", "b", 2]]


def test_confusion_adds_up_to_the_number_of_samples_and_its_diagonal_to_the_right_ones() -> None:
    generator = np.random.default_rng(2)
    true, predicted = generator.integers(0, 4, (2, 300))
    pairs = confusion([str(t) for t in true], [str(p) for p in predicted])
    assert sum(count for _, _, count in pairs) == 300
    assert sum(count for t, p, count in pairs if t == p) / 300 == accuracy(true, predicted)
