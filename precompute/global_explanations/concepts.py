"""Concepts: groups of several classes that are the same thing, such as a brand's logo, and set no class apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from db.records.explanations import Modality
from db.values import Vector
from precompute.global_explanations.features import Feature
from precompute.global_explanations.text_groups import group_texts


@dataclass(frozen=True)
class ClassGroup:
    """A stored group of one class: text groups have a `name`, image groups a `centroid` and a `radius`."""

    id: int
    label: str
    modality: Modality
    samples: int
    name: str = ""
    centroid: Vector | None = None
    radius: float | None = None


def find_concepts(groups: Sequence[ClassGroup], similarity: float) -> dict[int, int]:
    """Number the concepts that groups of at least two classes have in common.

    A match is always to a representative, so that unlike groups are never chained: texts match as within a class
    (digits equal, normalised Levenshtein similarity of the folded names), image groups where each one's centroid is
    no farther from the other's than that one's own members are. The representative is the group with the most samples.

    Args:
        groups: of one model, in any order.
        similarity: 0..1 of names.

    Returns:
        The concept's number from 1 within its modality, by the group's id; groups of one class alone are left out.
    """
    ordered = sorted(groups, key=lambda group: (-group.samples, group.label, group.id))
    texts = [group for group in ordered if group.modality == "text"]
    images = [group for group in ordered if group.modality == "image"]
    concepts: dict[int, int] = {}
    for found in (_matching_text_groups(texts, similarity), _matching_image_groups(images)):
        shared = [members for members in found if len({group.label for group in members}) > 1]
        concepts |= {group.id: number for number, members in enumerate(shared, start=1) for group in members}
    return concepts


def _matching_text_groups(groups: Sequence[ClassGroup], similarity: float) -> list[list[ClassGroup]]:
    named = [Feature(group.id, 0, group.label, group.id, group.samples, 1.0, group.name) for group in groups]
    by_id = {group.id: group for group in groups}
    return [[by_id[member.index] for member in found.members] for found in group_texts(named, similarity)]


def _matching_image_groups(groups: Sequence[ClassGroup]) -> list[list[ClassGroup]]:
    if not groups:
        return []
    centroids = np.array([group.centroid for group in groups], dtype=np.float64)
    radii = np.array([group.radius for group in groups], dtype=np.float64)
    left = np.arange(len(groups))
    found = []
    while len(left):
        first = left[0]
        near = 1 - centroids[left] @ centroids[first] <= np.minimum(radii[left], radii[first])
        near[0] = True
        found.append([groups[index] for index in left[near]])
        left = left[~near]
    return found
