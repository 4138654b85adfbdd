"""Reading global groups: what a model relies on again and again in a class."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import ColumnElement, Engine, and_, func, select

from db.definitions.norms import l1_norm
from db.read.evaluations import Evaluations
from db.records.explanations import Modality
from db.records.groups import (
    GroupCentroids,
    GroupView,
    MemberView,
    NoiseView,
    PartPlace,
    SharedGroup,
    SharingClass,
    StoredGroup,
    StoredMember,
)
from db.schema.tables import Category, Explanation, GlobalGroup, GlobalMember, Model, OcrEntry, Sample
from db.values import Vector


@dataclass(frozen=True)
class Groups:
    """Global groups by model, class and modality."""

    _engine: Engine

    def of_class(self, model: str, label: str, modality: Modality) -> list[GroupView]:
        """The global groups of a model and class in one modality, by rank."""
        return self._groups(Model.name == model, Category.label == label, GlobalGroup.modality == modality)

    def by_id(self, ids: Sequence[int]) -> list[GroupView]:
        """These global groups, by class and rank; an id that is not stored gives none."""
        return self._groups(GlobalGroup.id.in_(ids))

    def shared(self, model: str, modality: Modality) -> list[SharedGroup]:
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

    def centroids(self, model: str) -> GroupCentroids:
        """The centroids of a model's image groups, by class and rank; those that have none are left out."""
        query = (
            select(Category.label, GlobalGroup.rank, GlobalGroup.samples, GlobalGroup.centroid)
            .join(Model, Model.id == GlobalGroup.model_id)
            .join(Category, Category.id == GlobalGroup.category_id)
            .where(Model.name == model, GlobalGroup.modality == "image", GlobalGroup.centroid.is_not(None))
            .order_by(Category.label, GlobalGroup.rank)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        vectors = np.stack([row.centroid for row in rows]) if rows else np.zeros((0, 0), np.float32)
        return GroupCentroids(
            labels=tuple(row.label for row in rows),
            ranks=tuple(row.rank for row in rows),
            samples=tuple(row.samples for row in rows),
            vectors=vectors,
        )

    def noise(self, model: str, label: str) -> dict[Modality, NoiseView]:
        """How many of the features that went into a class's groups fit none, by modality."""
        return {
            row.modality: NoiseView(row.figures["parts"], row.figures["noise"], row.figures["reason"])
            for row in Evaluations(self._engine).figures("groups", model, label=label)
            if row.modality is not None
        }

    def part_places(self, model: str, label: str) -> list[PartPlace]:
        """The class's top superpixels on the plane of their embeddings; none where they were not embedded."""
        stored = [
            point
            for row in Evaluations(self._engine).figures("groups", model, label=label)
            if row.modality == "image"
            for point in row.figures.get("places", ())
        ]
        if not stored:
            return []
        ranks = (
            select(GlobalMember.sample_id, GlobalMember.feature, GlobalGroup.rank)
            .join(GlobalGroup, GlobalGroup.id == GlobalMember.group_id)
            .join(Model, Model.id == GlobalGroup.model_id)
            .join(Category, Category.id == GlobalGroup.category_id)
            .where(Model.name == model, Category.label == label, GlobalGroup.modality == "image")
        )
        paths = select(Sample.id, Sample.path).where(Sample.id.in_({point[0] for point in stored}))
        with self._engine.connect() as connection:
            rank_of = {(sample, feature): rank for sample, feature, rank in connection.execute(ranks)}
            path_of = dict(connection.execute(paths).all())
        return [
            PartPlace(path_of[sample], feature, x, y, rank_of.get((sample, feature)))
            for sample, feature, x, y in stored
            if sample in path_of
        ]

    def stored(self, model: str) -> list[StoredGroup]:
        """All groups of a model with their members, by class and in the order in which they were stored."""
        weights = (
            select(Explanation.id, Explanation.image_weights, Explanation.text_weights)
            .join(Model, Model.id == Explanation.model_id)
            .join(Sample, and_(Sample.id == Explanation.sample_id, Sample.category_id == Explanation.category_id))
            .where(Model.name == model)
        )
        members = (
            select(
                GlobalMember.group_id,
                GlobalMember.explanation_id,
                GlobalMember.sample_id,
                Sample.path,
                GlobalMember.feature,
                GlobalMember.weight,
                GlobalMember.representative,
            )
            .join(GlobalGroup, GlobalGroup.id == GlobalMember.group_id)
            .join(Model, Model.id == GlobalGroup.model_id)
            .join(Sample, Sample.id == GlobalMember.sample_id)
            .where(Model.name == model)
        )
        names = ("id", "modality", "rank", "name", "centroid", "radius")
        groups = (
            select(Category.label, *(getattr(GlobalGroup, name) for name in names))
            .join(Model, Model.id == GlobalGroup.model_id)
            .join(Category, Category.id == GlobalGroup.category_id)
            .where(Model.name == model)
            .order_by(Category.label, GlobalGroup.id)
        )
        of_group: dict[int, list[StoredMember]] = defaultdict(list)
        paths: dict[int, str] = {}
        with self._engine.connect() as connection:
            norms = {key: l1_norm(image, text) for key, image, text in connection.execute(weights)}
            for group, explanation, sample, path, feature, weight, representative in connection.execute(members):
                one_path = paths.setdefault(sample, path)  # one string a sample, not one a member
                norm = norms[explanation]
                member = StoredMember(explanation, sample, one_path, feature, weight, norm, representative)
                of_group[group].append(member)
            rows = connection.execute(groups).mappings()
            return [StoredGroup(**row, members=tuple(of_group[row["id"]])) for row in rows]

    def image_groups(self, model: str, label: str) -> list[tuple[int, Vector, float]]:
        """(rank, centroid, radius) of a class's image groups, by rank; those without a centroid are left out."""
        query = (
            select(GlobalGroup.rank, GlobalGroup.centroid, GlobalGroup.radius)
            .join(Model, Model.id == GlobalGroup.model_id)
            .join(Category, Category.id == GlobalGroup.category_id)
            .where(Model.name == model, Category.label == label, GlobalGroup.modality == "image")
            .order_by(GlobalGroup.rank)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return [
            (rank, centroid, radius) for rank, centroid, radius in rows if centroid is not None and radius is not None
        ]

    def count(self, models: Collection[str] | None = None) -> int:
        """How many groups are stored, of these models where given."""
        query = select(func.count()).select_from(GlobalGroup)
        if models is not None:
            query = query.where(GlobalGroup.model_id.in_(select(Model.id).where(Model.name.in_(models))))
        with self._engine.connect() as connection:
            return connection.scalar(query) or 0

    def hold_test_samples(self) -> bool:
        """Whether any group was formed on a test sample."""
        query = select(GlobalMember.id).join(Sample, Sample.id == GlobalMember.sample_id).where(Sample.split == "test")
        with self._engine.connect() as connection:
            return connection.scalar(query.limit(1)) is not None

    def _groups(self, *wanted: ColumnElement[bool]) -> list[GroupView]:
        groups = (
            select(
                GlobalGroup.id,
                Model.name.label("model"),
                Category.label,
                GlobalGroup.modality,
                GlobalGroup.rank,
                GlobalGroup.name,
                GlobalGroup.score,
                GlobalGroup.samples,
                GlobalGroup.spellings,
            )
            .join(Model, Model.id == GlobalGroup.model_id)
            .join(Category, Category.id == GlobalGroup.category_id)
            .where(*wanted)
            .order_by(Category.label, GlobalGroup.rank)
        )
        members = (
            select(
                GlobalMember.group_id,
                Sample.path.label("sample"),
                Sample.split,
                GlobalMember.feature,
                GlobalMember.weight,
                GlobalMember.representative,
                OcrEntry.text,
            )
            .join(GlobalGroup, GlobalGroup.id == GlobalMember.group_id)
            .join(Model, Model.id == GlobalGroup.model_id)
            .join(Category, Category.id == GlobalGroup.category_id)
            .join(Sample, Sample.id == GlobalMember.sample_id)
            .outerjoin(
                OcrEntry,
                and_(
                    GlobalGroup.modality == "text",
                    OcrEntry.sample_id == GlobalMember.sample_id,
                    OcrEntry.position == GlobalMember.feature,
                ),
            )
            .where(*wanted)
            .order_by(GlobalMember.weight.desc(), GlobalMember.id)
        )
        with self._engine.connect() as connection:
            of_group: dict[int, list[MemberView]] = defaultdict(list)
            for row in connection.execute(members).mappings():
                fields = dict(row)
                of_group[fields.pop("group_id")].append(MemberView(**fields))
            return [
                GroupView(**group, members=tuple(of_group[group["id"]]))
                for group in connection.execute(groups).mappings()
            ]
