"""The deletion test as a table, in the layout of P1's Table 2 and beside its numbers."""

from __future__ import annotations

from sqlalchemy import Engine

from db.reader import Reader
from db.views import Figures
from precompute.evaluation.plain_table import table

PAPER = {
    ("feature_concatenation", "image"): (16774, 99.97, 77.59, 99.33),
    ("score_fusion", "image"): (16398, 99.97, 93.42, 99.20),
    ("embracenet", "image"): (16951, 99.41, 85.78, 99.06),
    ("feature_concatenation", "text"): (9453, 99.97, 96.01, 99.46),
    ("score_fusion", "text"): (8053, 99.99, 83.89, 98.99),
    ("embracenet", "text"): (10396, 99.77, 93.18, 99.44),
}
"""P1 Table 2 by kind of model and modality: samples, accuracy in per cent untouched, top removed, random removed."""


def deletion_table(engine: Engine) -> str:
    """Plain text of the stored 'deletion' rows; accuracies in per cent, differences in points."""
    reader = Reader(engine)
    kinds = {model.name: model.kind for model in reader.models()}
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
    found = sorted(reader.figures("deletion"), key=lambda row: row.modality or "")
    rows += [_row(row, kinds[row.model or ""]) for row in found]
    return (
        "Accuracy with the features of a class's top 3 groups removed, on test samples that the model has right\n"
        + (table(rows) if found else "no sample contains a group")
    )


def _row(row: Figures, kind: str) -> tuple[str, ...]:
    figures = row.figures
    low, high = figures["interval"]
    paper: tuple[str, ...] = ("",) * 5
    if (kind, row.modality) in PAPER:
        samples, none, top, random = PAPER[kind, row.modality or ""]
        paper = (f"{samples:,}", f"{none:.2f}", f"{top:.2f}", f"{random:.2f}", f"{random - top:.2f}")
    return (
        row.modality or "",
        row.model or "",
        str(figures["samples"]),
        *(f"{100 * figures[name]:.2f}" for name in ("untouched", "top_removed", "random_removed")),
        f"{100 * figures['difference']:.2f} [{100 * low:.2f}, {100 * high:.2f}]",
        f"{figures['features']:.2f}",
        *paper,
    )
