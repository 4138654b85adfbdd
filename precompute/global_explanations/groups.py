"""A group of features and its rank: what image groups and text groups have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from db.records.explanations import Modality
from db.values import Vector
from precompute.global_explanations.features import Feature


@dataclass(frozen=True)
class FeatureGroup:
    """Features that are the same thing in different samples, by `by_weight`: the first represents them (P1 §5.2).

    `name` = a text group's most common spelling, empty for an image group. `centroid` = the mean direction, of length
    1, of an image group's embeddings, and `radius` the largest distance 1 - cosine of a member from it.
    """

    modality: Modality
    members: tuple[Feature, ...]
    name: str = ""
    centroid: Vector | None = field(default=None, compare=False)
    radius: float | None = field(default=None, compare=False)

    @property
    def samples(self) -> int:
        """Number of distinct samples that members come from."""
        return len({feature.sample for feature in self.members})


@dataclass(frozen=True)
class RankedGroup:
    """A group with its score and its rank in its class and modality, from 1."""

    group: FeatureGroup
    rank: int
    score: float


def by_weight(feature: Feature) -> tuple[float, str, int]:
    """Orders features by falling weight; ties by sample path and index, so that the order of samples is nothing."""
    return -feature.weight, feature.sample, feature.index


def rank_groups(groups: Sequence[FeatureGroup], scores: Sequence[float]) -> list[RankedGroup]:
    """Groups of one class and modality by falling score (P1 §3.2, docs/definitions.md, Global groups).

    Returns:
        Ranked groups; a tie goes to the group with more samples, then to the heavier representative.
    """
    scored = sorted(
        zip(scores, groups, strict=True), key=lambda pair: (-pair[0], -pair[1].samples, by_weight(pair[1].members[0]))
    )
    return [RankedGroup(group, rank, value) for rank, (value, group) in enumerate(scored, start=1)]
