"""What the view of a whole model counts."""

from app.tabs.global_explanations.model_tab import LARGEST_FAMILY, confused_pairs, twin_pairs
from db.records.classes import ClassView
from db.records.models import Confusion


def test_pairs_count_mistakes_both_ways_and_the_most_confused_comes_first() -> None:
    confusion = [
        Confusion("a", "a", 6),
        Confusion("a", "b", 1),
        Confusion("b", "a", 2),
        Confusion("b", "b", 5),
        Confusion("c", "a", 4),
        Confusion("c", "c", 3),
    ]
    pairs = confused_pairs(confusion, {"a": "Apple", "b": "Banana"})
    assert [pair.labels for pair in pairs] == [("a", "c"), ("a", "b")]
    assert pairs[0].text == "Apple / c: 4 of 14 taken for the other"
    assert pairs[1].text == "Apple / Banana: 3 of 14 taken for the other"


def test_without_mistakes_there_is_no_pair() -> None:
    assert confused_pairs([Confusion("a", "a", 3)], {}) == []


def _class(label: str, family: str | None) -> ClassView:
    return ClassView(1, label, label.title(), family, 0, 1, 0, None)


def test_classes_of_a_family_are_pairs() -> None:
    pairs = twin_pairs([_class("b", "milk"), _class("a", "milk"), _class("c", None), _class("d", "juice")])
    assert [(pair.key, pair.labels, pair.text) for pair in pairs] == [("a~b", ("a", "b"), "A / B: of one family")]
    many = twin_pairs([_class(f"{number:02}", "all") for number in range(100)])
    assert len(many) == LARGEST_FAMILY * (LARGEST_FAMILY - 1) // 2
