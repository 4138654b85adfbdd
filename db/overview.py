"""Reading what the classes of a model have in common, and measured figures of any kind."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import Engine, select

from db.tables import Category, Evaluation, GlobalGroup, Model, Sample
from db.views import Figures, Modality, SharedGroup, SharingClass


class Overview:
    """Classes of one model beside each other."""

    _engine: Engine

    def shared_groups(self, model: str, modality: Modality) -> list[SharedGroup]:
        """What several classes of a model have in common, so that it sets none of them apart; most classes first."""
        query = (
            select(
                GlobalGroup.concept,
                Category.label,
                GlobalGroup.id,
                GlobalGroup.rank,
                GlobalGroup.name,
                GlobalGroup.samples,
            )
            .join(Model, Model.id == GlobalGroup.model_id)
            .join(Category, Category.id == GlobalGroup.category_id)
            .where(Model.name == model, GlobalGroup.modality == modality, GlobalGroup.concept.is_not(None))
            .order_by(GlobalGroup.concept, Category.label, GlobalGroup.rank)
        )
        found: dict[int, list[SharingClass]] = defaultdict(list)
        with self._engine.connect() as connection:
            for row in connection.execute(query):
                found[row.concept].append(SharingClass(row.label, row.id, row.rank, row.name, row.samples))
        shared = []
        for concept, groups in found.items():
            name = max(groups, key=lambda group: group.samples).name
            shared.append(SharedGroup(concept, modality, name, tuple(groups)))
        return sorted(shared, key=lambda one: (-len(one.labels), -sum(g.samples for g in one.groups), one.concept))

    def figures(
        self, kind: str, model: str | None = None, path: str | None = None, label: str | None = None
    ) -> list[Figures]:
        """Measured figures of one kind (db/README.md, `evaluation`), narrowed down to a model, sample or class."""
        query = (
            select(
                Model.name.label("model"),
                Sample.path.label("sample"),
                Category.label,
                Evaluation.modality,
                Evaluation.figures,
            )
            .outerjoin(Model, Model.id == Evaluation.model_id)
            .outerjoin(Sample, Sample.id == Evaluation.sample_id)
            .outerjoin(Category, Category.id == Evaluation.category_id)
            .where(Evaluation.kind == kind)
            .order_by(Model.position, Category.label, Sample.path, Evaluation.modality)
        )
        if model is not None:
            query = query.where(Model.name == model)
        if path is not None:
            query = query.where(Evaluation.sample_id.in_(select(Sample.id).where(Sample.path == path)))
        if label is not None:
            query = query.where(Evaluation.category_id.in_(select(Category.id).where(Category.label == label)))
        with self._engine.connect() as connection:
            return [Figures(*row) for row in connection.execute(query)]
