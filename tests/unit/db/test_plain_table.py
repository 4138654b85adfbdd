"""Tables for the terminal: cells of a column stand in line, on the side that is asked for."""

from __future__ import annotations

from db.plain_table import table


def test_columns_are_as_wide_as_their_widest_cell_or_wider_if_asked_for() -> None:
    rows = [("model", "accuracy"), ("embracenet", "0.9")]
    assert table(rows).splitlines() == ["model       accuracy", "embracenet  0.9"]
    assert table(rows, "<>", (12,)).splitlines() == ["model         accuracy", "embracenet         0.9"]
