"""What the reader returns of the table `evaluation`: figures of the tests that explanations were put to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from db.records.explanations import Modality


@dataclass(frozen=True)
class Figures:
    """Measured figures and what they are about; None = the model, sample, class or modality does not matter."""

    model: str | None
    sample: str | None
    label: str | None
    modality: Modality | None
    figures: dict[str, Any]


@dataclass(frozen=True)
class DeletionView:
    """The deletion test of one model and modality (P1 §5.2, docs/definitions.md, Deletion test).

    Accuracies in 0..1 over `samples` test samples: untouched, with the top groups' features removed, and with as
    many random ones, a mean over `draws`. `difference` = random_removed - top_removed with its 95 % interval.
    """

    model: str
    modality: Modality
    samples: int
    untouched: float | None
    top_removed: float | None
    random_removed: float | None
    draws: int | None
    difference: float | None
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class FaithfulnessView:
    """How faithful one explanation of a predicted class is (docs/definitions.md, Deletion and insertion curves).

    The areas under the deletion and insertion curves are in 0..1, beside those of a random ranking.
    """

    deletion_auc: float | None
    insertion_auc: float | None
    random_deletion_auc: float | None
    random_insertion_auc: float | None
