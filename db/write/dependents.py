"""Removing what was made from removed results: units of later stages (groups, rankings, evaluations)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, exists, or_, select
from sqlalchemy.orm import Session

from db.schema.tables import Evaluation, GlobalGroup, Sample, WorkUnit

Inputs = Mapping[str, Sequence[str]]
"""By stage the stages whose results its own are made from."""

_CHUNK = 500  # keys in one statement; engines bound the number of parameters


def later_stages(stage: str, inputs: Inputs) -> set[str]:
    """The stages whose results are made from a stage's, directly or by way of others."""
    direct = {name for name, made_from in inputs.items() if stage in made_from}
    return direct | {later for name in direct for later in later_stages(name, inputs)}


@dataclass(frozen=True)
class Scope:
    """The models, samples and classes that removed results were about; `models` None = all models."""

    models: frozenset[int] | None
    samples: frozenset[int]
    categories: frozenset[int]


def scope_of(session: Session, units: Sequence[int]) -> Scope:
    """The models, samples and classes of some units; a unit of no sample is about the classes that its rows name."""
    models, samples, categories = set(), set(), set()
    for start in range(0, len(units), _CHUNK):
        chunk = units[start : start + _CHUNK]
        query = select(WorkUnit.model_id, WorkUnit.sample_id, Sample.category_id)
        for model, sample, category in session.execute(
            query.outerjoin(Sample, Sample.id == WorkUnit.sample_id).where(WorkUnit.id.in_(chunk))
        ):
            models.add(model)
            samples.add(sample)
            categories.add(category)
        for table in (Evaluation, GlobalGroup):
            categories.update(session.scalars(select(table.category_id).where(table.unit_id.in_(chunk)).distinct()))
    every = None in models or not models
    return Scope(
        None if every else frozenset(model for model in models if model is not None),
        frozenset(sample for sample in samples if sample is not None),
        frozenset(category for category in categories if category is not None),
    )


def remove_dependents(session: Session, stages: Collection[str], scope: Scope) -> int:
    """Remove units of these stages that are about the same models, and the same samples or classes.

    A unit of a sample is removed with the sample, one of a class with the class; one of a whole model always.

    Returns:
        How many were removed.
    """
    if not stages:
        return 0
    of_class = select(Sample.id).where(Sample.category_id.in_(scope.categories))
    query = select(WorkUnit.id).where(WorkUnit.stage.in_(stages))
    if scope.models is not None:
        query = query.where(or_(WorkUnit.model_id.is_(None), WorkUnit.model_id.in_(scope.models)))
    same_sample = WorkUnit.sample_id.in_(scope.samples if scope.samples else of_class)
    query = query.where(or_(WorkUnit.sample_id.is_(None), same_sample))
    if scope.categories:
        tables = (Evaluation, GlobalGroup)
        rows = [(table, select(table.id).where(table.unit_id == WorkUnit.id)) for table in tables]
        named = [exists(own.where(table.category_id.is_not(None))) for table, own in rows]
        same = [exists(own.where(table.category_id.in_(scope.categories))) for table, own in rows]
        query = query.where(or_(*same, ~or_(*named)))
    found = session.scalars(query).all()
    for start in range(0, len(found), _CHUNK):
        session.execute(delete(WorkUnit).where(WorkUnit.id.in_(found[start : start + _CHUNK])))
    return len(found)
