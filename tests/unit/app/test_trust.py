"""The word on an explanation and the numbers behind it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from app.library import Library
from app.trust import judge, stability
from db.views import ExplanationView, FaithfulnessView

GOOD = FaithfulnessView(
    deletion_auc=0.3,
    insertion_auc=0.8,
    random_deletion_auc=0.5,
    random_insertion_auc=0.5,
    r2=0.9,
    stability=0.9,
)


@pytest.fixture
def found(library: Library) -> ExplanationView:
    """Without standard errors, and with a good fit."""
    explanation = library.explanations("feature_concatenation", "test/Zeta-Juice/x_000.jpg")[0]
    return dataclasses.replace(explanation, r2=0.9)


def test_stability_is_the_correlation_between_two_runs() -> None:
    random = np.random.default_rng(3)
    true, errors = random.normal(size=400), np.full(400, 0.5)
    runs = [true + random.normal(scale=errors) for _ in range(2)]
    seen = np.corrcoef(runs[0], runs[1])[0, 1]
    assert stability(runs[0].astype(np.float32), errors.astype(np.float32)) == pytest.approx(seen, abs=0.07)


def test_stability_against_the_plain_sum() -> None:
    weights, errors = np.array([0.5, -0.25, 0.1], np.float32), np.array([0.1, 0.2, 0.05], np.float32)
    noise = sum(float(error) ** 2 for error in errors)
    total = sum(float(weight) ** 2 for weight in weights)
    assert stability(weights, errors) == pytest.approx(1 - noise / total)
    assert stability(weights, 10 * errors) == 0
    assert stability(0 * weights, errors) is None


def test_all_good_is_good(found: ExplanationView) -> None:
    trust = judge(found, GOOD)
    assert (trust.level, trust.measured) == ("good", True)
    assert [reason.name.split()[0] for reason in trust.reasons] == ["Fit", "Stability", "Taken", "Put"]


@pytest.mark.parametrize(
    ("change", "level"),
    [
        ({"deletion_auc": 0.6}, "fair"),
        ({"insertion_auc": 0.4}, "fair"),
        ({"deletion_auc": 0.6, "insertion_auc": 0.4}, "weak"),
        ({"stability": 0.6}, "fair"),
        ({"stability": 0.3}, "weak"),
        ({"stability": None}, "good"),
    ],
)
def test_the_worst_number_decides(found: ExplanationView, change: dict[str, float | None], level: str) -> None:
    assert judge(found, dataclasses.replace(GOOD, **change)).level == level


@pytest.mark.parametrize(("r2", "level"), [(0.5, "good"), (0.4, "fair"), (0.1, "weak"), (float("nan"), "weak")])
def test_without_curves_fit_and_standard_errors_decide(found: ExplanationView, r2: float, level: str) -> None:
    trust = judge(dataclasses.replace(found, r2=r2), None)
    assert (trust.level, trust.measured) == (level, False)
    assert [reason.name for reason in trust.reasons] == ["Fit (R²)"]
    shaky = dataclasses.replace(
        found, image_errors=np.abs(found.image_weights), text_errors=np.abs(found.text_weights), r2=r2
    )
    assert judge(shaky, None).level == "weak"


def test_unknown_area_leaves_the_curves_out(found: ExplanationView) -> None:
    trust = judge(found, dataclasses.replace(GOOD, random_deletion_auc=None))
    assert (trust.level, trust.measured) == ("good", False)
