"""Whether what a model relies on in a whole class is what was planted there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from db.read.reader import Reader
from db.records.explanations import Modality
from precompute.evaluation.planted_findings import HALF
from precompute.evaluation.planted_samples import PlantedSample
from precompute.evaluation.statistics import Share

FIRST: dict[str, tuple[Modality, int]] = {"word": ("text", 2), "picture": ("image", 3)}
"""Of each kind of twins: which modality tells them apart, and among how many first groups it should stand."""


@dataclass(frozen=True)
class GroupFinding:
    """Whether a model's groups show the planted evidence of the classes of one kind of twins.

    Attributes:
        found: classes of which one of the first groups is represented by the planted entry, or by a superpixel at
            least half inside the planted region; of the classes that were grouped.
        noise: top parts of pictures that are in no group, of all classes.
    """

    model: str
    kind: str
    found: Share
    noise: Share


def group_findings(reader: Reader, model: str, samples: Mapping[int, PlantedSample]) -> list[GroupFinding]:
    """One finding for each kind of twins that one modality alone tells apart; none where nothing is grouped.

    Args:
        samples: of both splits, by id.
    """
    kinds = {sample.label: sample.kind for sample in samples.values()}
    grouped: dict[str, set[str]] = defaultdict(set)
    noise = parts = 0
    for row in reader.evaluations.figures("groups", model):
        if row.label in kinds:
            grouped[kinds[row.label]].add(row.label)
        if row.modality == "image":
            noise, parts = noise + row.figures["noise"], parts + row.figures["parts"]
    hits: dict[str, set[str]] = defaultdict(set)
    for group in reader.groups.stored(model):
        kind = kinds.get(group.label, "")
        wanted, first = FIRST.get(kind, ("", 0))
        if group.modality == wanted and group.rank <= first:
            member = next(member for member in group.members if member.representative)
            if _planted(samples[member.sample_id], group.modality, member.feature):
                hits[kind].add(group.label)
    return [
        GroupFinding(model, kind, Share(len(hits[kind]), len(grouped[kind])), Share(noise, parts))
        for kind in sorted(FIRST)
        if grouped[kind]
    ]


def _planted(sample: PlantedSample, modality: str, feature: int) -> bool:
    if modality == "text":
        return feature in sample.entries
    return sample.inside is not None and bool(sample.inside[feature] >= HALF)
