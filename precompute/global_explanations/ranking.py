"""Ranking stored groups by the score that the recipe asks for: no model, picture or embedding is needed."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.records.written import EvaluationRecord, RankRecord, Record
from db.schema.tables import Category, Explanation, GlobalGroup, GlobalMember, Model, Sample, WorkUnit
from precompute.context import RunContext
from precompute.engine import Stage, Task
from precompute.executors import Given, Job
from precompute.global_explanations.concepts import ClassGroup, find_concepts
from precompute.global_explanations.features import Feature, Modality, l1_norm
from precompute.global_explanations.groups import FeatureGroup, by_weight, rank_groups
from precompute.global_explanations.scores import SCORES, Occurrences, sp_lime_importance, submodular_pick
from precompute.global_explanations.stage import EXPLAIN_GLOBAL
from precompute.provenance import INPUTS, SETTINGS
from precompute.recipe import GlobalSettings, Recipe, settings_hash

RANK_GLOBAL = "rank-global"


@dataclass(frozen=True)
class StoredGroup:
    """A group as it is stored, with its class."""

    id: int
    category_id: int
    label: str
    group: FeatureGroup


def rank_global_stage(recipe: Recipe) -> Stage:
    """The stage, with the settings of a recipe: one work unit a model.

    A unit sets score, rank and concept of its model's groups and stores one Evaluation of kind 'pick' a class: the
    samples that SP-LIME picks, and how much of the importance they cover.
    """
    settings = recipe.global_
    return Stage(
        name=RANK_GLOBAL,
        settings=SETTINGS[RANK_GLOBAL](recipe),
        inputs=INPUTS[RANK_GLOBAL],
        tasks=_tasks,
        work=_rank,
        rows=_rows,
        load=_with_groups,
        setup=lambda context, tasks: Given(settings),
        counted="model",
        in_process=True,
    )


def _tasks(context: RunContext) -> Iterator[Task]:
    settings = SETTINGS[RANK_GLOBAL](context.recipe)
    with Session(context.engine) as session:
        for model in session.scalars(select(Model).where(Model.explained).order_by(Model.position)).all():
            units = session.execute(
                select(WorkUnit.key, WorkUnit.settings_hash, WorkUnit.finished_at)
                .where(WorkUnit.stage == EXPLAIN_GLOBAL, WorkUnit.model_id == model.id)
                .order_by(WorkUnit.key)
            ).all()
            stamps = [[key, value, finished.isoformat()] for key, value, finished in units]
            mark = settings_hash(*settings, stamps)
            yield Task(key=model.name, mark=mark, payload=model.id, model=model.name)


def _with_groups(context: RunContext, job: Job) -> Job:
    with Session(context.engine) as session:
        return replace(job, payload=stored_groups(session, job.payload))


@dataclass(frozen=True)
class Ranking:
    """A model's ranks, and by class the samples that SP-LIME picks with the importance that is covered so far."""

    ranks: Sequence[RankRecord]
    picks: Mapping[str, Sequence[tuple[str, float]]]


def _rank(settings: GlobalSettings, groups: Sequence[StoredGroup]) -> Ranking:
    concepts = find_concepts([_class_group(one) for one in groups], settings.similarity)
    picks = {of_class[0].label: _pick(of_class, settings.picks) for of_class in _by_class(groups).values()}
    return Ranking(_ranks(groups, concepts, settings), picks)


def _rows(task: Task, answers: Sequence[Ranking]) -> list[Record]:
    (ranking,) = answers
    picks = [
        EvaluationRecord(
            kind="pick",
            model=task.model,
            label=label,
            figures={"samples": [path for path, _ in picks], "covered": [share for _, share in picks]},
        )
        for label, picks in ranking.picks.items()
    ]
    return [*picks, *ranking.ranks]


def stored_groups(session: Session, model_id: int) -> list[StoredGroup]:
    """All groups of a model with their members, by class and stored order."""
    norms = {
        key: l1_norm(image, text)
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


def _ranks(groups: Sequence[StoredGroup], concepts: Mapping[int, int], settings: GlobalSettings) -> list[RankRecord]:
    """New score, rank and concept of every group."""
    changes: list[RankRecord] = []
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
                changes.append(RankRecord(key, ranked.rank, ranked.score, concepts.get(key)))
    return changes


def _weight(group: FeatureGroup) -> float:
    return math.fsum(abs(member.weight) for member in group.members)


def _pick(groups: Sequence[StoredGroup], budget: int) -> Sequence[tuple[str, float]]:
    return submodular_pick(
        [sp_lime_importance([member.weight for member in one.group.members]) for one in groups],
        [frozenset(member.sample for member in one.group.members) for one in groups],
        budget,
    )
