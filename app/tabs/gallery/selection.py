"""Which samples the gallery shows, and in which order: the address's filters on columns of outcomes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from app.measures.trust import LEVELS, Trust
from app.view_state import Range, ViewState
from db.records.explanations import ImageShare
from db.records.predictions import Outcomes
from db.records.samples import SampleView

Rows = npt.NDArray[np.int64]


def class_outcomes(samples: Sequence[SampleView], shares: Sequence[ImageShare]) -> Outcomes:
    """The samples of one class as columns in the given order; -1 and nan where there is no prediction."""
    labels = tuple(sorted({name for view in samples for name in (view.label, view.predicted) if name is not None}))
    index = {label: number for number, label in enumerate(labels)}
    known = {share.sample: share.image_share for share in shares}
    return Outcomes(
        labels=labels,
        sample=np.array([view.id for view in samples], np.int64),
        is_test=np.array([view.split == "test" for view in samples], np.bool_),
        label=np.array([index[view.label] for view in samples], np.int32),
        predicted=np.array([index.get(view.predicted or "", -1) for view in samples], np.int32),
        probability=np.array([view.probability for view in samples], np.float32),
        image_share=np.array([known.get(view.path) for view in samples], np.float32),
        explained=np.array([view.explained for view in samples], np.bool_),
    )


def selected(outcomes: Outcomes, state: ViewState, split: str, tagged: Collection[int]) -> Rows:
    """The rows that pass all filters of the address, in the columns' order.

    Args:
        split: train, test or all.
        tagged: keys of the samples that the visitor has tagged.
    """
    known, right = outcomes.predicted >= 0, outcomes.is_correct
    keep = np.ones(len(outcomes.sample), np.bool_) if split == "all" else outcomes.is_test == (split == "test")
    if state.shown == "right":
        keep &= right
    elif state.shown in ("wrong", "confused"):
        keep &= known & ~right
    elif state.shown == "tagged":
        keep &= np.isin(outcomes.sample, np.fromiter(tagged, np.int64))
    if state.shown == "confused" and state.rival is not None:
        keep &= outcomes.predicted == (outcomes.labels.index(state.rival) if state.rival in outcomes.labels else -2)
    for limits, values in ((state.image_share, outcomes.image_share), (state.probability, outcomes.probability)):
        if limits is not None:
            keep &= inside(values, limits)
    return np.flatnonzero(keep)


def inside(values: npt.NDArray[np.float32], limits: Range) -> npt.NDArray[np.bool_]:
    """Which values lie in [low, high), or in [low, 1]; as the bars of a histogram count them."""
    exact = values.astype(np.float64)
    return np.asarray((exact >= limits[0]) & ((exact < limits[1]) | (limits[1] == 1)))


def ordered(outcomes: Outcomes, rows: Rows, sort: str, trust: Mapping[int, tuple[int, float]]) -> Rows:
    """The rows in the order asked for, equal ones as they were, unknown values last.

    Args:
        sort: a value of the field `sort` of `app.view_state.ViewState`.
        trust: a rank of each explained row, higher = holds better.
    """
    keys: dict[str, npt.NDArray[np.float64]] = {
        "unsure": outcomes.probability[rows].astype(np.float64),
        "sure": -outcomes.probability[rows].astype(np.float64),
        "picture": -outcomes.image_share[rows].astype(np.float64),
        "words": outcomes.image_share[rows].astype(np.float64),
    }
    if sort in keys:
        return rows[np.argsort(keys[sort], kind="stable")]  # nan comes last
    if sort in ("doubtful", "trusted"):
        sign = 1 if sort == "doubtful" else -1
        found = {row: (0, sign * trust[row][0], sign * trust[row][1]) for row in rows.tolist() if row in trust}
        return np.array(sorted(rows.tolist(), key=lambda row: found.get(row, (1, 0, 0.0))), np.int64)
    return rows


def trust_rank(trust: Trust, r2: float) -> tuple[int, float]:
    """A higher rank = an explanation that holds better: by its word, then by its fit."""
    return LEVELS.index(trust.level), r2 if r2 == r2 else -1.0
