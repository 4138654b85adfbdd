"""The word on an explanation and the numbers behind it."""

from __future__ import annotations

import dataclasses
from statistics import NormalDist

import numpy as np
import pytest

from app.databases import Database
from app.measures.trust import judge
from db.records.evaluations import FaithfulnessView
from db.records.explanations import ExplanationView

GOOD = FaithfulnessView(
    deletion_auc=0.3,
    insertion_auc=0.8,
    random_deletion_auc=0.5,
    random_insertion_auc=0.5,
)


@pytest.fixture
def found(database: Database) -> ExplanationView:
    """Without standard errors, and with a good fit."""
    explanation = database.explanations("feature_concatenation", "test/Zeta-Juice/x_000.jpg")[0]
    return dataclasses.replace(explanation, r2=0.9, surrogate_prediction=explanation.probability)


def with_stability(found: ExplanationView, value: float) -> ExplanationView:
    """Five weights of 1 among zeros, all as uncertain as makes each outweigh a zero with this probability."""
    image, text = np.zeros_like(found.image_weights), np.zeros_like(found.text_weights)
    image[:5] = 1
    error = 1 / (2**0.5 * NormalDist().inv_cdf(value))
    return dataclasses.replace(
        found,
        image_weights=image,
        text_weights=text,
        image_errors=np.full_like(image, error),
        text_errors=np.full_like(text, error),
    )


def test_all_good_is_good(found: ExplanationView) -> None:
    trust = judge(with_stability(found, 0.9), GOOD)
    assert (trust.level, trust.measured) == ("good", True)
    assert trust.reasons[2].value == "0.90"
    assert [reason.name.split()[0] for reason in trust.reasons] == ["Fit", "Estimate", "Stability", "Taken", "Put"]


def test_marks_that_add_up_to_something_else_are_fair_at_best(found: ExplanationView) -> None:
    sure = dataclasses.replace(with_stability(found, 0.9), probability=0.99)
    estimates = (0.24, 0.5, 0.7, 1.1)
    levels = [judge(dataclasses.replace(sure, surrogate_prediction=value), GOOD).level for value in estimates]
    assert levels == ["weak", "fair", "good", "good"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, None),
        ({"r2": 0.1}, "Read it with care: the explanation fits the model badly here."),
        ({"r2": 0.4}, "Read it with some care: the explanation fits the model only loosely here."),
        ({"r2": float("nan")}, "Read it with care: the explanation fits the model badly here."),
        ({"surrogate_prediction": 0.5}, "Read it with some care: what the marks add up to is far"),
        ({"surrogate_prediction": 0.05}, "Read it with care: what the marks add up to is far"),
    ],
)
def test_what_is_weak_is_said_beforehand(found: ExplanationView, change: dict[str, float], said: str | None) -> None:
    sure = dataclasses.replace(with_stability(found, 0.9), probability=0.99, surrogate_prediction=0.99)
    caution = judge(dataclasses.replace(sure, **change), GOOD).caution
    assert caution == said or (said is not None and caution is not None and caution.startswith(said))


def test_no_weak_explanation_goes_without_a_caution(found: ExplanationView) -> None:
    shaky, useless = with_stability(found, 0.55), dataclasses.replace(GOOD, deletion_auc=0.6, insertion_auc=0.4)
    for trust in (judge(shaky, GOOD), judge(with_stability(found, 0.9), useless)):
        assert trust.level == "weak" and trust.caution
    assert judge(with_stability(found, 0.7), GOOD).caution is None


@pytest.mark.parametrize(
    ("change", "level"),
    [
        ({"deletion_auc": 0.6}, "fair"),
        ({"insertion_auc": 0.4}, "fair"),
        ({"deletion_auc": 0.6, "insertion_auc": 0.4}, "weak"),
    ],
)
def test_the_worst_curve_decides(found: ExplanationView, change: dict[str, float | None], level: str) -> None:
    assert judge(found, dataclasses.replace(GOOD, **change)).level == level


@pytest.mark.parametrize(("stability", "level"), [(0.9, "good"), (0.7, "fair"), (0.55, "weak")])
def test_unsteady_marks_are_trusted_less(found: ExplanationView, stability: float, level: str) -> None:
    assert judge(with_stability(found, stability), GOOD).level == level


@pytest.mark.parametrize(("r2", "level"), [(0.5, "good"), (0.4, "fair"), (0.1, "weak"), (float("nan"), "weak")])
def test_without_curves_fit_and_standard_errors_decide(found: ExplanationView, r2: float, level: str) -> None:
    trust = judge(dataclasses.replace(found, r2=r2), None)
    assert (trust.level, trust.measured) == (level, False)
    assert [reason.name for reason in trust.reasons] == ["Fit (R²)", "Estimate"]
    shaky = dataclasses.replace(with_stability(found, 0.6), r2=r2)
    assert judge(shaky, None).level == "weak"


def test_unknown_area_leaves_the_curves_out(found: ExplanationView) -> None:
    trust = judge(found, dataclasses.replace(GOOD, random_deletion_auc=None))
    assert (trust.level, trust.measured) == ("good", False)
