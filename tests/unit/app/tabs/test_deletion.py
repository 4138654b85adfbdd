"""The deletion test in words."""

import pytest

from app.tabs.global_explanations.deletion import in_words
from db.records.evaluations import DeletionView


def view(top: float | None, at_random: float, low: float = 0.01) -> DeletionView:
    return DeletionView(
        model="fusion",
        modality="text",
        samples=100,
        untouched=1.0,
        top_removed=top,
        random_removed=at_random,
        draws=20,
        difference=None if top is None else at_random - top,
        interval=(low, 0.2),
    )


@pytest.mark.parametrize(
    ("top", "at_random", "costs"),
    [
        (0.88, 0.98, ("12 points", "2 points")),
        (0.99, 0.996, ("1 point", "less than 1 point")),
        (1.0, 1.02, ("no points", "no points")),
    ],
)
def test_costs_are_whole_points(top: float, at_random: float, costs: tuple[str, str]) -> None:
    assert in_words(view(top, at_random)) == (
        f"Removing the words that the model says it relies on costs it {costs[0]} of accuracy; "
        f"removing as much at random costs {costs[1]}."
    )


def test_what_may_be_chance_is_said_to_be() -> None:
    assert in_words(view(0.88, 0.98, low=0.0)).endswith("The difference is too small to rule out chance.")


def test_what_could_not_be_measured_is_said_in_words() -> None:
    assert in_words(view(None, 0.9)) == "For the words there was nothing to remove."
