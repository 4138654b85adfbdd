"""Ranking of groups within a class and modality."""

from precompute.global_explanations.groups import FeatureGroup, rank_groups
from precompute.recipe import GlobalSettings
from tests.unit.global_explanations.features_of import word


def _group(name: str, *weights: float, norm: float = 1.0) -> FeatureGroup:
    return FeatureGroup("text", tuple(word(name, sample, w, norm=norm) for sample, w in enumerate(weights)), name)


def test_groups_rank_by_score_not_by_size() -> None:
    ranked = rank_groups([_group("often", 0.1, 0.1, 0.1), _group("strong", 0.5, 0.5)], 3, GlobalSettings())
    assert [(r.rank, r.group.name) for r in ranked] == [(1, "strong"), (2, "often")]


def test_the_score_is_a_setting_and_may_turn_the_order() -> None:
    # NormLIME: 0.16 / 4 = 0.04 against 0.09 / 1 = 0.09; averaged importance: 0.4 against 0.3.
    groups = [_group("spread", 0.4, 0.4, norm=4.0), _group("focused", 0.3, 0.3)]
    by_normlime = rank_groups(groups, 2, GlobalSettings())
    by_average = rank_groups(groups, 2, GlobalSettings(score="averaged_importance"))
    assert [r.group.name for r in by_normlime] == ["focused", "spread"]
    assert [r.group.name for r in by_average] == ["spread", "focused"]


def test_a_word_twice_in_one_sample_is_no_support() -> None:
    twice = FeatureGroup("text", (word("MILK", 1, index=0), word("MILK", 1, index=1)), "MILK")
    assert rank_groups([twice], 5, GlobalSettings()) == []


def test_support_grows_with_the_class() -> None:
    pair = _group("pair", 0.5, 0.5)
    assert len(rank_groups([pair], 40, GlobalSettings())) == 1
    assert rank_groups([pair], 41, GlobalSettings()) == []


def test_ties_do_not_depend_on_the_order_of_groups() -> None:
    groups = [_group("wide", 0.5, 0.5, 0.5), _group("narrow", 0.5, 0.5)]
    ranked = rank_groups(groups, 3, GlobalSettings())
    assert ranked == rank_groups(groups[::-1], 3, GlobalSettings())
    assert [r.group.name for r in ranked] == ["wide", "narrow"]
