"""Ranking stored groups by the score that the recipe asks for: no model, picture or embedding is needed."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from db.tables import Category, Evaluation, Explanation, GlobalGroup, GlobalMember, Model, Sample, WorkUnit
from db.writer import UnitResult, Writer
from precompute.global_explanations.concepts import ClassGroup, find_concepts
from precompute.global_explanations.features import Feature, Modality, whole_weight
from precompute.global_explanations.groups import FeatureGroup, by_weight, rank_groups
from precompute.global_explanations.scores import SCORES, Occurrences, pick_samples, sp_lime_importance
from precompute.recipe import GlobalSettings, settings_hash

STAGE = "rank-global"


@dataclass(frozen=True)
class StoredGroup:
    """A group as it is stored, with its class."""

    id: int
    category_id: int
    label: str
    group: FeatureGroup


def rank_models(
    engine: Engine, writer: Writer, models: Sequence[Model], settings: GlobalSettings, grouping: str
) -> None:
    """Rank every model's groups where groups or score have changed: one work unit a model.

    A unit sets score, rank and concept of its model's groups and stores one Evaluation of kind 'pick' a class: the
    samples that SP-LIME picks, and how much of the importance they cover.

    Args:
        models: explained ones.
        settings: score, number of picks, and what makes groups of two classes one concept.
        grouping: stage of the units that own the groups.
    """
    current = set()
    for model in models:
        started = time.perf_counter()
        with Session(engine) as session:
            units = session.execute(
                select(WorkUnit.key, WorkUnit.settings_hash, WorkUnit.finished_at)
                .where(WorkUnit.stage == grouping, WorkUnit.model_id == model.id)
                .order_by(WorkUnit.key)
            ).all()
            unit_hash = settings_hash(
                settings.score,
                settings.picks,
                settings.similarity,
                [[key, value, finished.isoformat()] for key, value, finished in units],
            )
            current.add((unit_hash, model.name))
            if model.name in writer.done(STAGE, unit_hash):
                continue
            groups = stored_groups(session, model.id)
        concepts = find_concepts([_class_group(one) for one in groups], settings.similarity)
        result = UnitResult(
            STAGE,
            unit_hash,
            model.name,
            [_pick(model.id, of_class, settings.picks) for of_class in _by_class(groups).values()],
            model_id=model.id,
            seconds=time.perf_counter() - started,
            changes={GlobalGroup: _ranks(groups, concepts, settings)},
        )
        writer.finish_units([result])
    writer.prune(STAGE, current)


def stored_groups(session: Session, model_id: int) -> list[StoredGroup]:
    """All groups of a model with their members, by class and stored order."""
    norms = {
        key: whole_weight(image, text)
        for key, image, text in session.execute(
            select(Explanation.id, Explanation.image_weights, Explanation.text_weights)
            .join(Sample, Sample.id == Explanation.sample_id)
            .where(Explanation.model_id == model_id, Explanation.category_id == Sample.category_id)
        )
    }
    paths: dict[int, str] = {}
    members: dict[int, list[Feature]] = defaultdict(list)
    rows = (
        select(
            GlobalMember.group_id,
            GlobalMember.explanation_id,
            GlobalMember.sample_id,
            Sample.path,
            GlobalMember.feature,
            GlobalMember.weight,
        )
        .join(GlobalGroup, GlobalGroup.id == GlobalMember.group_id)
        .join(Sample, Sample.id == GlobalMember.sample_id)
        .where(GlobalGroup.model_id == model_id)
    )
    for group_id, explanation_id, sample_id, path, feature, weight in session.execute(rows):
        one_path = paths.setdefault(sample_id, path)  # one string a sample, not one a member
        members[group_id].append(Feature(explanation_id, sample_id, one_path, feature, weight, norms[explanation_id]))
    groups = (
        select(
            GlobalGroup.id,
            GlobalGroup.category_id,
            Category.label,
            GlobalGroup.modality,
            GlobalGroup.name,
            GlobalGroup.centroid,
            GlobalGroup.radius,
        )
        .join(Category, Category.id == GlobalGroup.category_id)
        .where(GlobalGroup.model_id == model_id)
        .order_by(Category.label, GlobalGroup.id)
    )
    return [
        StoredGroup(
            key,
            category_id,
            label,
            FeatureGroup(cast(Modality, modality), tuple(sorted(members[key], key=by_weight)), name, centroid, radius),
        )
        for key, category_id, label, modality, name, centroid, radius in session.execute(groups)
    ]


def _class_group(stored: StoredGroup) -> ClassGroup:
    group = stored.group
    return ClassGroup(stored.id, stored.label, group.modality, group.samples, group.name, group.centroid, group.radius)


def _by_class(groups: Sequence[StoredGroup]) -> dict[int, list[StoredGroup]]:
    found: dict[int, list[StoredGroup]] = defaultdict(list)
    for one in groups:
        found[one.category_id].append(one)
    return found


def _ranks(
    groups: Sequence[StoredGroup], concepts: Mapping[int, int], settings: GlobalSettings
) -> list[dict[str, int | float | None]]:
    """New values of score, rank and concept, by the group's id."""
    changes: list[dict[str, int | float | None]] = []
    for modality in ("image", "text"):
        these = [one for one in groups if one.group.modality == modality]
        weights: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        for one in these:
            if one.id in concepts:
                weights[concepts[one.id]][one.label] += _weight(one.group)
        scores = SCORES[settings.score](
            [
                Occurrences(
                    [member.weight for member in one.group.members],
                    [member.norm for member in one.group.members],
                    weights[concepts[one.id]] if one.id in concepts else {one.label: _weight(one.group)},
                )
                for one in these
            ]
        )
        by_id = {one.id: score for one, score in zip(these, scores, strict=True)}
        for of_class in _by_class(these).values():
            ids = {id(one.group): one.id for one in of_class}
            for ranked in rank_groups([one.group for one in of_class], [by_id[one.id] for one in of_class]):
                key = ids[id(ranked.group)]
                changes.append({"id": key, "rank": ranked.rank, "score": ranked.score, "concept": concepts.get(key)})
    return changes


def _weight(group: FeatureGroup) -> float:
    return math.fsum(abs(member.weight) for member in group.members)


def _pick(model_id: int, groups: Sequence[StoredGroup], budget: int) -> Evaluation:
    picks = pick_samples(
        [sp_lime_importance([member.weight for member in one.group.members]) for one in groups],
        [frozenset(member.sample for member in one.group.members) for one in groups],
        budget,
    )
    figures = {"samples": [path for path, _ in picks], "covered": [share for _, share in picks]}
    return Evaluation(kind="pick", model_id=model_id, category_id=groups[0].category_id, figures=figures)
