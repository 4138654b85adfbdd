"""Numbers that the paper (P1) publishes, for tables to show beside those of a run."""

from __future__ import annotations

from dataclasses import dataclass

from db.records.explanations import Modality


@dataclass(frozen=True)
class PublishedDeletion:
    """A row of P1's Table 2, `kind` of model as in recipes; accuracies in per cent with something removed."""

    kind: str
    modality: Modality
    samples: int
    untouched: float
    top_removed: float
    random_removed: float


PUBLISHED_DELETION = (
    PublishedDeletion("feature_concatenation", "image", 16774, 99.97, 77.59, 99.33),
    PublishedDeletion("feature_concatenation", "text", 9453, 99.97, 96.01, 99.46),
    PublishedDeletion("score_fusion", "image", 16398, 99.97, 93.42, 99.20),
    PublishedDeletion("score_fusion", "text", 8053, 99.99, 83.89, 98.99),
    PublishedDeletion("embracenet", "image", 16951, 99.41, 85.78, 99.06),
    PublishedDeletion("embracenet", "text", 10396, 99.77, 93.18, 99.44),
)
