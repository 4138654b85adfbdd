"""Whether what a model relies on in a whole class is what was planted there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.schema.tables import Category, Evaluation, GlobalGroup, GlobalMember, Model
from precompute.evaluation.planted_findings import HALF
from precompute.evaluation.planted_samples import PlantedSample
from precompute.evaluation.statistics import Share
from precompute.global_explanations.features import Modality

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


def group_findings(session: Session, model: Model, samples: Mapping[int, PlantedSample]) -> list[GroupFinding]:
    """One finding for each kind of twins that one modality alone tells apart; none where nothing is grouped.

    Args:
        samples: of both splits, by id.
    """
    kinds = {sample.label: sample.kind for sample in samples.values()}
    grouped: dict[str, set[str]] = defaultdict(set)
    noise = parts = 0
    rows = (
        select(Category.label, Evaluation.modality, Evaluation.figures)
        .join(Category, Category.id == Evaluation.category_id)
        .where(Evaluation.kind == "groups", Evaluation.model_id == model.id)
    )
    for label, modality, figures in session.execute(rows):
        if label in kinds:
            grouped[kinds[label]].add(label)
        if modality == "image":
            noise, parts = noise + figures["noise"], parts + figures["parts"]
    representatives = (
        select(Category.label, GlobalGroup.modality, GlobalGroup.rank, GlobalMember.sample_id, GlobalMember.feature)
        .join(GlobalMember, GlobalMember.group_id == GlobalGroup.id)
        .join(Category, Category.id == GlobalGroup.category_id)
        .where(GlobalGroup.model_id == model.id, GlobalMember.representative)
    )
    hits: dict[str, set[str]] = defaultdict(set)
    for label, modality, rank, sample_id, feature in session.execute(representatives):
        kind = kinds.get(label, "")
        wanted, first = FIRST.get(kind, ("", 0))
        if modality == wanted and rank <= first and _planted(samples[sample_id], modality, feature):
            hits[kind].add(label)
    return [
        GroupFinding(model.name, kind, Share(len(hits[kind]), len(grouped[kind])), Share(noise, parts))
        for kind in sorted(FIRST)
        if grouped[kind]
    ]


def _planted(sample: PlantedSample, modality: str, feature: int) -> bool:
    if modality == "text":
        return feature in sample.entries
    return sample.inside is not None and bool(sample.inside[feature] >= HALF)
