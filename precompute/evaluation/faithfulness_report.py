"""Faithfulness of local explanations as a table, one row a model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from db.errors import UserError
from db.plain_table import table
from db.read.reader import Reader
from db.session import Engine
from precompute.evaluation.statistics import paired_interval
from precompute.recipe import derive_seed


def faithfulness_table(engine: Engine) -> str:
    """Plain text of the stored 'faithfulness' rows: means over samples, and paired 95 % intervals of differences."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in Reader(engine).evaluations.figures("faithfulness"):
        found[row.model or ""].append(row.figures)
    rows: list[tuple[str, ...]] = [
        (
            "model",
            "samples",
            "deletion AUC",
            "random",
            "below random by [95 %]",
            "insertion AUC",
            "random",
            "above random by [95 %]",
            "R2",
            "stability",
        )
    ]
    for model, figures in found.items():
        deletion, insertion = _numbers(figures, "deletion_auc"), _numbers(figures, "insertion_auc")
        lower, higher = _numbers(figures, "random_deletion_auc"), _numbers(figures, "random_insertion_auc")
        stable = [one["stability"] for one in figures if one["stability"] is not None]
        rows.append(
            (
                model,
                str(len(figures)),
                f"{deletion.mean():.3f}",
                f"{lower.mean():.3f}",
                _difference(lower - deletion, model, "deletion"),
                f"{insertion.mean():.3f}",
                f"{higher.mean():.3f}",
                _difference(insertion - higher, model, "insertion"),
                f"{_numbers(figures, 'r2').mean():.3f}",
                f"{np.mean(stable):.3f}" if stable else "-",
            )
        )
    return "Deletion and insertion curves of local explanations, on test samples\n" + table(rows)


def comparison_table(engine: Engine, other: Engine) -> str:
    """How much better the explanations of one database are than another's, on the samples that both have measured.

    Plain text; means over samples, and paired 95 % intervals of differences that are above 0 where this database's
    explanations are the more faithful ones.

    Raises:
        UserError: no model and sample is measured in both.
    """
    theirs = {(row.model, row.sample): row.figures for row in Reader(other).evaluations.figures("faithfulness")}
    pairs: dict[str, list[tuple[dict[str, Any], dict[str, Any]]]] = defaultdict(list)
    for row in Reader(engine).evaluations.figures("faithfulness"):
        if (row.model, row.sample) in theirs:
            pairs[row.model or ""].append((row.figures, theirs[row.model, row.sample]))
    if not pairs:
        raise UserError(
            "--against: no model and sample is measured in both databases; run evaluate faithfulness on both"
        )
    rows: list[tuple[str, ...]] = [
        ("model", "samples", "deletion AUC lower by [95 %]", "insertion AUC higher by [95 %]")
    ]
    for model, figures in pairs.items():
        mine, other_figures = [one for one, _ in figures], [one for _, one in figures]
        deletion = _numbers(other_figures, "deletion_auc") - _numbers(mine, "deletion_auc")
        insertion = _numbers(mine, "insertion_auc") - _numbers(other_figures, "insertion_auc")
        rows.append(
            (
                model,
                str(len(figures)),
                _difference(deletion, model, "deletion against"),
                _difference(insertion, model, "insertion against"),
            )
        )
    return "Against the other database's explanations of the same samples\n" + table(rows)


def _numbers(figures: Sequence[dict[str, Any]], name: str) -> np.ndarray:
    return np.array([one[name] for one in figures], dtype=np.float64)


def _difference(differences: np.ndarray, model: str, curve: str) -> str:
    low, high = paired_interval(differences.tolist(), derive_seed("faithfulness", model, curve))
    return f"{differences.mean():.3f} [{low:.3f}, {high:.3f}]"
