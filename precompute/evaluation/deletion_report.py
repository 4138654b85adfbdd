"""The deletion test as a table, in the layout of P1's Table 2 and beside its numbers."""

from __future__ import annotations

from db.definitions.published_figures import PUBLISHED_DELETION, PublishedDeletion
from db.plain_table import table
from db.read.reader import Reader
from db.records.evaluations import Figures
from db.session import Engine

PAPER: dict[tuple[str, str | None], PublishedDeletion] = {(row.kind, row.modality): row for row in PUBLISHED_DELETION}


def deletion_table(engine: Engine) -> str:
    """Plain text of the stored 'deletion' rows; accuracies in per cent, differences in points."""
    reader = Reader(engine)
    kinds = {model.name: model.kind for model in reader.models.all()}
    rows: list[tuple[str, ...]] = [
        (
            "modality",
            "model",
            "samples",
            "none",
            "top",
            "random",
            "lost by top minus by random [95 %]",
            "removed",
            "P1: samples",
            "none",
            "top",
            "random",
            "difference",
        )
    ]
    found = sorted(reader.evaluations.figures("deletion"), key=lambda row: row.modality or "")
    rows += [_row(row, kinds[row.model or ""]) for row in found]
    return (
        "Accuracy with the features of a class's top 3 groups removed, on test samples that the model has right\n"
        + (table(rows) if found else "no sample contains a group")
    )


def _row(row: Figures, kind: str) -> tuple[str, ...]:
    figures = row.figures
    low, high = figures["interval"]
    theirs = PAPER.get((kind, row.modality))
    paper: tuple[str, ...] = ("",) * 5
    if theirs is not None:
        numbers = (
            theirs.untouched,
            theirs.top_removed,
            theirs.random_removed,
            theirs.random_removed - theirs.top_removed,
        )
        paper = (f"{theirs.samples:,}", *(f"{number:.2f}" for number in numbers))
    return (
        row.modality or "",
        row.model or "",
        str(figures["samples"]),
        *(f"{100 * figures[name]:.2f}" for name in ("untouched", "top_removed", "random_removed")),
        f"{100 * figures['difference']:.2f} [{100 * low:.2f}, {100 * high:.2f}]",
        f"{figures['features']:.2f}",
        *paper,
    )
