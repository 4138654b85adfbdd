"""Scores by class and calibration against reference implementations."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from statistics import fmean, median

import numpy as np
import pytest

from app.measures.classification import BINS, calibration, class_scores
from tests.unit.app.outcomes_of import random_outcomes


@pytest.mark.parametrize("seed", range(3))
def test_class_scores_equal_the_reference_implementation(seed: int) -> None:
    outcomes = random_outcomes(seed)
    rows = [
        (outcomes.labels[label], outcomes.labels[predicted])
        for label, predicted, test in zip(outcomes.label, outcomes.predicted, outcomes.is_test, strict=True)
        if test
    ]
    for label, score in class_scores(outcomes).items():
        own = [predicted for true, predicted in rows if true == label]
        taken = [true for true, predicted in rows if predicted == label]
        assert score.tested == len(own)
        assert score.recall == (pytest.approx(own.count(label) / len(own)) if own else None)
        assert score.precision == (pytest.approx(taken.count(label) / len(taken)) if taken else None)
        assert score.taken_for_it == len(taken) - taken.count(label)
        wrong = Counter(predicted for predicted in own if predicted != label)
        assert score.rival_count == max(wrong.values(), default=0)
        assert score.rival is None if not wrong else wrong[score.rival or ""] == score.rival_count
        shares = [
            float(share)
            for share, index in zip(outcomes.image_share, outcomes.label, strict=True)
            if outcomes.labels[index] == label and share == share
        ]
        assert score.image_share == (pytest.approx(median(shares)) if shares else None)


@pytest.mark.parametrize("seed", range(3))
def test_calibration_equals_the_reference_implementation(seed: int) -> None:
    outcomes = random_outcomes(seed)
    tested = [
        (float(probability), bool(right))
        for probability, right, test in zip(outcomes.probability, outcomes.is_correct, outcomes.is_test, strict=True)
        if test
    ]
    measured = calibration(outcomes)
    assert measured is not None
    gaps = 0.0
    for one in measured.bins:
        inside = [pair for pair in tested if one.low <= pair[0] < one.high or (one.high == 1 and pair[0] == 1)]
        assert one.count == len(inside)
        if inside:
            assert one.certainty == pytest.approx(fmean(probability for probability, _ in inside))
            assert one.accuracy == pytest.approx(fmean(right for _, right in inside))
            gaps += len(inside) * abs(one.accuracy - one.certainty)
    assert measured.error == pytest.approx(gaps / len(tested))
    assert measured.excess == pytest.approx(fmean(p for p, _ in tested) - fmean(r for _, r in tested))
    assert sum(one.count for one in measured.bins) == measured.samples == len(tested)


def test_certainty_that_always_comes_true_has_no_error() -> None:
    outcomes = random_outcomes(0)
    sure = replace(outcomes, predicted=outcomes.label, probability=np.ones_like(outcomes.probability))
    measured = calibration(sure)
    assert measured is not None
    assert (measured.error, measured.excess, measured.bins[BINS - 1].count) == (0, 0, measured.samples)


def test_without_test_samples_there_is_no_calibration() -> None:
    outcomes = random_outcomes(0)
    assert calibration(replace(outcomes, is_test=np.zeros_like(outcomes.is_test))) is None
