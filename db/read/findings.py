"""Reading what the models do: predictions, local and global explanations, modality ratio, confusion."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Engine, Row, Select, and_, select
from sqlalchemy.orm import aliased

from db.read.polygons import polygons_of
from db.records.groups import GroupCentroids, GroupView, MemberView, SharedGroup, SharingClass
from db.records.views import (
    Confusion,
    ExplanationView,
    ImageShare,
    LabelProbability,
    Modality,
    PredictedExplanation,
    Split,
    TrueClassExplanation,
)
from db.schema.tables import (
    TARGET_KINDS,
    Category,
    Explanation,
    GlobalGroup,
    GlobalMember,
    Model,
    OcrEntry,
    Prediction,
    Sample,
    Segmentation,
)

_NAMES = {"model", "sample", "split", "label", "predicted", "target"}
_NUMBERS = [name for name in ExplanationView.__dataclass_fields__ if name not in _NAMES]


def explanation_query() -> Select[Any]:
    """All explanations with the fields of ExplanationView; `Explanation`, `Model` and `Sample` can be narrowed down."""
    own, target, predicted = aliased(Category), aliased(Category), aliased(Category)
    return (
        select(
            *(getattr(Explanation, name) for name in _NUMBERS),
            Model.name.label("model"),
            Sample.path.label("sample"),
            Sample.split,
            own.label.label("label"),
            target.label.label("target"),
            predicted.label.label("predicted"),
        )
        .join(Model, Model.id == Explanation.model_id)
        .join(Sample, Sample.id == Explanation.sample_id)
        .join(own, own.id == Sample.category_id)
        .join(target, target.id == Explanation.category_id)
        .outerjoin(
            Prediction,
            and_(Prediction.model_id == Explanation.model_id, Prediction.sample_id == Explanation.sample_id),
        )
        .outerjoin(predicted, predicted.id == Prediction.category_id)
    )


class Findings:
    """Predictions and explanations by model, class and sample."""

    _engine: Engine

    def predictions(self, model: str, path: str, top: int = 5) -> list[LabelProbability]:
        """The model's most probable classes of a sample, the first one first."""
        query = (
            select(Model.classes, Prediction.probabilities)
            .join(Model, Model.id == Prediction.model_id)
            .join(Sample, Sample.id == Prediction.sample_id)
            .where(Model.name == model, Sample.path == path)
        )
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return []
        order = np.argsort(-row.probabilities, kind="stable")[:top]
        return [LabelProbability(row.classes[i], float(row.probabilities[i])) for i in order]

    def explanations(self, model: str, path: str) -> list[ExplanationView]:
        """A model's explanations of a sample: the predicted class, then the true one, then the runner-up."""
        query = explanation_query().where(Model.name == model, Sample.path == path)
        with self._engine.connect() as connection:
            views = [ExplanationView(**row) for row in connection.execute(query).mappings()]
        return sorted(views, key=lambda view: TARGET_KINDS.index(view.kind))

    def explanations_of_class(self, model: str, label: str) -> list[ExplanationView]:
        """A model's explanations of its own answers on the samples of a class, by path."""
        query = explanation_query().where(
            Model.name == model, Explanation.kind == "predicted", Explanation.sample_id.in_(samples_of(label))
        )
        with self._engine.connect() as connection:
            views = [ExplanationView(**row) for row in connection.execute(query).mappings()]
        return sorted(views, key=lambda view: view.sample)

    def predicted_explanations(self, model: str, label: str, split: Split) -> list[PredictedExplanation]:
        """A model's explanations of its answers on all samples of a class and split, with what they are drawn on."""
        samples = samples_of(label).where(Sample.split == split)
        query = (
            select(
                Explanation.sample_id,
                Sample.path.label("sample"),
                Sample.width,
                Sample.height,
                Explanation.image_weights,
                Explanation.text_weights,
                Segmentation.label_map,
            )
            .join(Model, Model.id == Explanation.model_id)
            .join(Sample, Sample.id == Explanation.sample_id)
            .join(Segmentation, Segmentation.id == Explanation.segmentation_id)
            .where(Model.name == model, Explanation.kind == "predicted", Explanation.sample_id.in_(samples))
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
            polygons = polygons_of(connection, samples)
        return [
            PredictedExplanation(
                **{name: value for name, value in row.items() if name != "sample_id"},
                polygons=tuple(polygons[row["sample_id"]]),
            )
            for row in rows
        ]

    def class_explanations(self, model: str, label: str) -> list[TrueClassExplanation]:
        """A model's explanations of the true class on the samples of that class, by path (REFERENCE.md §5)."""
        query = (
            select(
                Explanation.id.label("explanation_id"),
                Explanation.sample_id,
                Sample.path.label("sample"),
                Sample.split,
                Explanation.segmentation_id,
                Explanation.image_weights,
                Explanation.text_weights,
            )
            .join(Model, Model.id == Explanation.model_id)
            .join(Sample, and_(Sample.id == Explanation.sample_id, Sample.category_id == Explanation.category_id))
            .where(Model.name == model, Explanation.sample_id.in_(samples_of(label)))
        )
        entries = (
            select(OcrEntry.sample_id, OcrEntry.text)
            .where(OcrEntry.sample_id.in_(samples_of(label)))
            .order_by(OcrEntry.sample_id, OcrEntry.position)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
            texts = _grouped(connection.execute(entries).all())
        views = [TrueClassExplanation(**row, entries=tuple(texts[row["sample_id"]])) for row in rows]
        return sorted(views, key=lambda view: view.sample)

    def groups(self, model: str, label: str, modality: Modality) -> list[GroupView]:
        """The global groups of a model and class in one modality, by rank."""
        return self._groups(Model.name == model, Category.label == label, GlobalGroup.modality == modality)

    def groups_by_id(self, ids: Sequence[int]) -> list[GroupView]:
        """These global groups, by class and rank; an id that is not stored gives none."""
        return self._groups(GlobalGroup.id.in_(ids))

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

    def image_shares(self, model: str, label: str | None = None) -> list[ImageShare]:
        """The modality ratio of each explained sample of a model, or of one class of samples, by path."""
        query = (
            select(
                Sample.path.label("sample"),
                Category.label,
                (Explanation.category_id == Sample.category_id).label("right"),
                Explanation.image_share,
                Explanation.image_share_positive,
                Explanation.probability,
                Explanation.probability_without_text,
                Explanation.probability_without_image,
            )
            .join(Model, Model.id == Explanation.model_id)
            .join(Sample, Sample.id == Explanation.sample_id)
            .join(Category, Category.id == Sample.category_id)
            .where(Model.name == model, Explanation.kind == "predicted")
        )
        if label is not None:
            query = query.where(Explanation.sample_id.in_(samples_of(label)))
        with self._engine.connect() as connection:
            views = [ImageShare(*row) for row in connection.execute(query)]
        return sorted(views, key=lambda view: view.sample)

    def confusion(self, model: str) -> list[Confusion]:
        """What the model takes the test samples of each class for: every pair that occurs, right ones too."""
        with self._engine.connect() as connection:
            stored = connection.scalar(select(Model.confusion).where(Model.name == model))
        return [Confusion(*pair) for pair in stored or ()]


def samples_of(label: str) -> Select[int]:
    """Keys of a class's samples; as a list to look for, they keep SQLite from reading all of a model's explanations."""
    return select(Sample.id).join(Category, Category.id == Sample.category_id).where(Category.label == label)


def _grouped(rows: Sequence[Row[int, str]]) -> dict[int, list[str]]:
    grouped: dict[int, list[str]] = defaultdict(list)
    for key, value in rows:
        grouped[key].append(value)
    return grouped
