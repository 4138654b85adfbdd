"""Scores against reference implementations of their formulas."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from precompute.global_explanations.scores import (
    SCORES,
    Occurrences,
    averaged_importance,
    class_entropy,
    minimum_support,
    normlime_score,
    sp_lime_importance,
    submodular_pick,
)

Explanations = list[tuple[list[float], int]]

# An explanation's weights and the place of the feature that is a group's member.
occurrences = st.lists(
    st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=12)
    .filter(lambda weights: max(weights) > 1e-3)
    .map(lambda weights: (weights, int(np.argmax(weights)))),
    min_size=1,
    max_size=20,
)


def _weights_and_norms(explanations: Explanations) -> tuple[list[float], list[float]]:
    return [w[place] for w, place in explanations], [sum(map(abs, w)) for w, _ in explanations]


@given(occurrences)
def test_normlime_is_the_mean_of_w_squared_over_the_explanations_norm(explanations: Explanations) -> None:
    total = Fraction(0)
    for weights, place in explanations:
        norm = sum(abs(Fraction(weight)) for weight in weights)
        total += Fraction(weights[place]) ** 2 / norm
    assert normlime_score(*_weights_and_norms(explanations)) == pytest.approx(
        float(total / len(explanations)), rel=1e-9
    )


@given(occurrences)
def test_averaged_importance_is_the_mean_of_absolute_weights(explanations: Explanations) -> None:
    total = sum(abs(Fraction(weights[place])) for weights, place in explanations)
    assert averaged_importance(_weights_and_norms(explanations)[0]) == pytest.approx(float(total / len(explanations)))


@given(occurrences)
def test_sp_limes_importance_is_the_root_of_summed_absolute_weights(explanations: Explanations) -> None:
    total = sum(abs(Fraction(weights[place])) for weights, place in explanations)
    assert sp_lime_importance(_weights_and_norms(explanations)[0]) == pytest.approx(float(total) ** 0.5, rel=1e-12)


# Each group with its concept and class; groups of one concept are the same thing in several classes.
class_groups = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from("abcd"), st.lists(st.floats(0.01, 1), min_size=1, max_size=5)),
    min_size=1,
    max_size=12,
)


def _occurrences(groups: list[tuple[int, str, list[float]]]) -> list[Occurrences]:
    return [
        Occurrences(
            weights,
            [1.0] * len(weights),
            {
                label: sum(sum(w) for other, where, w in groups if (other, where) == (concept, label))
                for label in {where for other, where, _ in groups if other == concept}
            },
        )
        for concept, _, weights in groups
    ]


@given(class_groups)
def test_homogeneity_is_gales_formula(groups: list[tuple[int, str, list[float]]]) -> None:
    entropies = []
    for concept, _, _ in groups:
        roots = []
        for label in "abcd":
            total = sum(sum(w) for other, where, w in groups if (other, where) == (concept, label))
            roots.append(np.sqrt(total))
        shares = np.array(roots) / np.sum(roots)
        entropies.append(-sum(p * np.log(p) for p in shares if p > 0))
    low, high = min(entropies), max(entropies)
    plain = [
        (1 - (h - low) / (high - low) if high - low > 1e-9 else 1) * np.sqrt(sum(weights))
        for h, (_, _, weights) in zip(entropies, groups, strict=True)
    ]
    if high == low or high - low > 1e-9:  # between the two, rounding alone decides
        assert SCORES["homogeneity"](_occurrences(groups)) == pytest.approx(plain, abs=1e-6)


def test_what_every_class_has_alike_counts_nothing_and_what_one_class_has_counts_in_full() -> None:
    shared = Occurrences([0.5, 0.5], [1, 1], {"a": 1.0, "b": 1.0})
    own = Occurrences([0.16], [1], {"a": 0.16})
    assert SCORES["homogeneity"]([shared, own]) == pytest.approx([0.0, 0.4])
    assert class_entropy({"a": 2.0, "b": 2.0, "c": 2.0, "d": 2.0}) == pytest.approx(np.log(4))


def _plain_pick(importances: list[float], samples: list[frozenset[str]], budget: int) -> list[str]:
    """Algorithm 2 of the paper: argmax of the coverage function over the whole set, again and again."""

    def coverage(chosen: list[str]) -> Fraction:
        return sum(
            (Fraction(i) for i, of in zip(importances, samples, strict=True) if of & set(chosen)), start=Fraction(0)
        )

    chosen: list[str] = []
    everyone = sorted(frozenset().union(*samples))
    while len(chosen) < budget:
        left = [sample for sample in everyone if sample not in chosen]
        best = max(left, key=lambda sample: coverage([*chosen, sample]), default=None)
        if best is None or coverage([*chosen, best]) == coverage(chosen):
            break
        chosen.append(best)
    return chosen


@given(
    st.lists(
        st.tuples(st.integers(1, 64).map(lambda n: n / 64), st.frozensets(st.sampled_from("abcdef"), min_size=1)),
        min_size=1,
        max_size=10,
    ),
    st.integers(1, 7),
)
def test_the_pick_is_sp_limes_greedy_one(groups: list[tuple[float, frozenset[str]]], budget: int) -> None:
    importances, samples = [i for i, _ in groups], [of for _, of in groups]
    picks = submodular_pick(importances, samples, budget)
    assert [sample for sample, _ in picks] == _plain_pick(importances, samples, budget)
    for place, (_, covered) in enumerate(picks, start=1):
        chosen = {sample for sample, _ in picks[:place]}
        shown = sum(i for i, of in groups if of & chosen)
        assert covered == pytest.approx(shown / sum(importances))


@given(occurrences, st.randoms(use_true_random=False))
def test_the_order_of_occurrences_changes_no_bit_of_a_score(explanations: Explanations, random: object) -> None:
    shuffled = list(explanations)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    for score in SCORES.values():
        assert score([Occurrences(*_weights_and_norms(shuffled))]) == score(
            [Occurrences(*_weights_and_norms(explanations))]
        )


def test_normlime_divides_by_both_modalities_so_that_a_lone_feature_counts_in_full() -> None:
    assert normlime_score([0.5], [0.5]) == 0.5
    assert normlime_score([0.5], [2.0]) == 0.125


@pytest.mark.parametrize(
    ("samples", "support"), [(1, 2), (12, 2), (40, 2), (41, 3), (50, 3), (60, 3), (61, 4), (100, 5)]
)
def test_support_is_two_samples_or_five_per_cent(samples: int, support: int) -> None:
    assert minimum_support(samples, 0.05, 2) == support
