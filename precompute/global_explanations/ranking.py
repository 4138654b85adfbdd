"""Ranking stored groups by the score that the recipe asks for: no model, picture or embedding is needed."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from db.read.reader import Reader
from db.records.groups import StoredGroup
from db.records.written import EvaluationRecord, RankRecord, Record
from precompute.context import RunContext
from precompute.engine import Stage, Task
from precompute.executors import FixedState, Job
from precompute.global_explanations.concepts import ClassGroup, find_concepts
from precompute.global_explanations.features import Feature
from precompute.global_explanations.groups import FeatureGroup, by_weight, rank_groups
from precompute.global_explanations.scores import SCORES, Occurrences, sp_lime_importance, submodular_pick
from precompute.global_explanations.stage import EXPLAIN_GLOBAL
from precompute.provenance import INPUTS, SETTINGS
from precompute.recipe import GlobalSettings, Recipe, settings_hash

RANK_GLOBAL = "rank-global"


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
        setup=lambda context, tasks: FixedState(settings),
        counted="model",
        in_process=True,
    )


def _tasks(context: RunContext) -> Iterator[Task]:
    settings, reader = SETTINGS[RANK_GLOBAL](context.recipe), Reader(context.engine)
    for model in reader.models.stored(explained=True):
        units = reader.units.of_model(EXPLAIN_GLOBAL, model.name)
        stamps = [[unit.key, unit.settings_hash, unit.finished_at.isoformat()] for unit in units]
        yield Task(key=model.name, mark=settings_hash(*settings, stamps), payload=model.name, model=model.name)


def _with_groups(context: RunContext, job: Job) -> Job:
    stored = Reader(context.engine).groups.stored(job.payload)
    return replace(job, payload=[LabelledGroup(one.id, one.label, _feature_group(one)) for one in stored])


def _feature_group(stored: StoredGroup) -> FeatureGroup:
    members = [
        Feature(one.explanation_id, one.sample_id, one.sample, one.feature, one.weight, one.norm)
        for one in stored.members
    ]
    by_falling_weight = tuple(sorted(members, key=by_weight))
    return FeatureGroup(stored.modality, by_falling_weight, stored.name, stored.centroid, stored.radius)


@dataclass(frozen=True)
class LabelledGroup:
    """A stored group, by its id, of the class `label`."""

    id: int
    label: str
    group: FeatureGroup


@dataclass(frozen=True)
class Ranking:
    """A model's ranks, and by class the samples that SP-LIME picks with the importance that is covered so far."""

    ranks: Sequence[RankRecord]
    picks: Mapping[str, Sequence[tuple[str, float]]]


def _rank(settings: GlobalSettings, groups: Sequence[LabelledGroup]) -> Ranking:
    concepts = find_concepts([_class_group(one) for one in groups], settings.similarity)
    picks = {of_class[0].label: _pick(of_class, settings.picks) for of_class in _by_label(groups).values()}
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


def _class_group(stored: LabelledGroup) -> ClassGroup:
    group = stored.group
    return ClassGroup(stored.id, stored.label, group.modality, group.samples, group.name, group.centroid, group.radius)


def _by_label(groups: Sequence[LabelledGroup]) -> dict[str, list[LabelledGroup]]:
    found: dict[str, list[LabelledGroup]] = defaultdict(list)
    for one in groups:
        found[one.label].append(one)
    return found


def _ranks(groups: Sequence[LabelledGroup], concepts: Mapping[int, int], settings: GlobalSettings) -> list[RankRecord]:
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
        for of_class in _by_label(these).values():
            ids = {id(one.group): one.id for one in of_class}
            for ranked in rank_groups([one.group for one in of_class], [by_id[one.id] for one in of_class]):
                key = ids[id(ranked.group)]
                changes.append(RankRecord(key, ranked.rank, ranked.score, concepts.get(key)))
    return changes


def _weight(group: FeatureGroup) -> float:
    return math.fsum(abs(member.weight) for member in group.members)


def _pick(groups: Sequence[LabelledGroup], budget: int) -> Sequence[tuple[str, float]]:
    return submodular_pick(
        [sp_lime_importance([member.weight for member in one.group.members]) for one in groups],
        [frozenset(member.sample for member in one.group.members) for one in groups],
        budget,
    )
