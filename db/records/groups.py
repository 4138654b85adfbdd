"""What the reader returns of groups: what a model relies on again and again in a class."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from db.records.explanations import Modality
from db.records.samples import Split
from db.values import Vector


@dataclass(frozen=True)
class MemberView:
    """One member of a group: `feature` = segment id or entry position in `sample`; `text` for entries only."""

    sample: str
    split: Split
    feature: int
    weight: float
    representative: bool
    text: str | None


@dataclass(frozen=True)
class GroupView:
    """One global group, members by falling weight; `spellings` maps each spelling to its count (text only)."""

    id: int
    model: str
    label: str
    modality: Modality
    rank: int
    name: str
    score: float
    samples: int
    spellings: dict[str, int]
    members: tuple[MemberView, ...]

    @property
    def representative(self) -> MemberView | None:
        """The member marked as such: the one with the highest weight."""
        return next((member for member in self.members if member.representative), None)


@dataclass(frozen=True)
class GroupCentroids:
    """Where the image groups of a model lie in its embedding, as columns of equal length [n]; `vectors` is [n, d]."""

    labels: tuple[str, ...]
    ranks: tuple[int, ...]
    samples: tuple[int, ...]
    vectors: npt.NDArray[np.float32] = field(repr=False)


@dataclass(frozen=True)
class SharingClass:
    """A group of one class that has a concept in common with groups of other classes."""

    label: str
    group_id: int
    rank: int
    name: str
    samples: int


@dataclass(frozen=True)
class SharedGroup:
    """What groups of several classes have in common; `name` = that of the group with the most samples."""

    concept: int
    modality: Modality
    name: str
    groups: tuple[SharingClass, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes, each once, by name."""
        return tuple(sorted({group.label for group in self.groups}))


@dataclass(frozen=True)
class PartPlace:
    """Where a top part of a class lies among the others, x and y in 0..1; `rank` of its group, None = noise."""

    sample: str
    feature: int
    x: float
    y: float
    rank: int | None


@dataclass(frozen=True)
class NoiseView:
    """Of a class's `features` that went into its groups in one modality, how many (`noise`) fit none.

    `reason` = why no group is shown, None where one is.
    """

    features: int
    noise: int
    reason: str | None


@dataclass(frozen=True)
class StoredMember:
    """One member of a stored group; `feature` = segment id or entry position, `norm` = ‖w‖₁ of its explanation."""

    explanation_id: int
    sample_id: int
    sample: str
    feature: int
    weight: float
    norm: float
    representative: bool


@dataclass(frozen=True)
class StoredGroup:
    """A group as the stages need it; image groups have a `centroid` of length 1 and a `radius` in 1 - cosine."""

    id: int
    label: str
    modality: Modality
    rank: int
    name: str
    centroid: Vector | None = field(repr=False)
    radius: float | None
    members: tuple[StoredMember, ...]
