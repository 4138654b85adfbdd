"""Ranking of groups within a class and modality."""

from precompute.global_explanations.groups import FeatureGroup, RankedGroup, rank_groups
from tests.unit.global_explanations.features_of import word


def _group(name: str, *weights: float) -> FeatureGroup:
    return FeatureGroup("text", tuple(word(name, sample, w) for sample, w in enumerate(weights)), name)


def _names(ranked: list[RankedGroup]) -> list[str]:
    return [one.group.name for one in ranked]


def test_groups_rank_by_score_not_by_size() -> None:
    ranked = rank_groups([_group("often", 0.1, 0.1, 0.1), _group("strong", 0.5, 0.5)], [0.01, 0.25])
    assert [(r.rank, r.group.name, r.score) for r in ranked] == [(1, "strong", 0.25), (2, "often", 0.01)]


def test_a_word_twice_in_one_sample_is_one_sample() -> None:
    assert FeatureGroup("text", (word("MILK", 1, index=0), word("MILK", 1, index=1)), "MILK").samples == 1


def test_ties_do_not_depend_on_the_order_of_groups() -> None:
    groups = [_group("wide", 0.5, 0.5, 0.5), _group("narrow", 0.5, 0.5)]
    assert rank_groups(groups, [1.0, 1.0]) == rank_groups(groups[::-1], [1.0, 1.0])
    assert _names(rank_groups(groups, [1.0, 1.0])) == ["wide", "narrow"]
