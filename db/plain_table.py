"""Rows of figures as a plain text table for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(rows: Iterable[Sequence[str]], align: str = "", widths: Sequence[int] = ()) -> str:
    """Rows of cells in aligned columns, two spaces apart, the first row being the headings.

    Args:
        align: `<` or `>` of each column; left where it says nothing.
        widths: characters that each column has at least.
    """
    lines = list(rows)
    columns = range(len(lines[0]))
    sides = align.ljust(len(columns), "<")
    wide = [max([len(row[column]) for row in lines] + list(widths[column : column + 1])) for column in columns]
    return "\n".join(
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, wide, strict=True)).rstrip()
        for row in lines
    )
