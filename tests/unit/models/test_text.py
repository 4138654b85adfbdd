"""What a tower reads of the entries, and the cut before any masking."""

from precompute.models.protocol import Entry
from precompute.models.text import cut_entries, join_entries

POLYGON = ((0.0, 0.0), (5.0, 0.0), (5.0, 5.0))


def entries(*texts: str) -> list[Entry]:
    return [Entry(text, POLYGON) for text in texts]


def test_entries_are_joined_by_a_space_in_the_order_given() -> None:
    assert join_entries(entries("1,5%", "MJÖLK", "Arla Ko")) == "1,5% MJÖLK Arla Ko"


def test_no_entry_and_blank_entries_are_nothing_to_read() -> None:
    assert join_entries([]) == ""
    assert join_entries(entries(" ", "")) == ""


def test_short_texts_are_left_alone() -> None:
    assert cut_entries(entries("a b", "c"), 3) == entries("a b", "c")


def test_what_goes_over_the_limit_is_dropped_and_the_last_entry_cut_short() -> None:
    assert cut_entries(entries("a b", "c d e", "f"), 4) == entries("a b", "c d")


def test_an_entry_that_starts_at_the_limit_is_dropped_whole() -> None:
    assert cut_entries(entries("a b", "c"), 2) == entries("a b")


def test_cutting_twice_changes_nothing_more() -> None:
    once = cut_entries(entries(*["one two three"] * 200), 256)
    assert sum(len(entry.text.split()) for entry in once) == 256
    assert cut_entries(once, 256) == once
