"""What the reader returns of models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ModelView:
    """One model; accuracies in 0..1 over the test split, None before they are measured; `explanations` = rows."""

    id: int
    name: str
    kind: str
    position: int
    explained: bool
    classes: tuple[str, ...]
    accuracy: float | None
    top3_accuracy: float | None
    explanations: int
    checkpoint: str | None
    settings: dict[str, Any]
    history: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Confusion:
    """How many test samples of the class `label` a model takes for the class `predicted`."""

    label: str
    predicted: str
    count: int


@dataclass(frozen=True)
class StoredModel:
    """What the stages need of a model; `classes` in the order of its probabilities.

    `checkpoint` is relative to the artifacts folder, None of a user's own model; `checkpoint_hash` changes with
    everything that the model's answers depend on.
    """

    name: str
    kind: str
    explained: bool
    checkpoint: str | None
    checkpoint_hash: str
    classes: tuple[str, ...]
