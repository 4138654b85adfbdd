"""What the view of a whole model counts."""

from app.tabs.global_model import confused_pairs
from db.views import Confusion


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
