"""Which features the deletion test removes: those of a class's top groups that a test sample contains."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from db.definitions.spelling import same_word
from db.errors import UserError
from db.schema.tables import Category, GlobalGroup, GlobalMember, Model, OcrEntry, Prediction, Sample
from precompute.dataset.samples import LabelledSample
from precompute.global_explanations.features import Modality, top_features, true_class_explanations
from precompute.global_explanations.image_groups import SuperpixelEmbeddings, nearest_groups
from precompute.models.text import cut_entries
from precompute.recipe import Recipe

TOP_GROUPS = 3

Removals = dict[Modality, tuple[int, ...]]


def require_train_groups(session: Session) -> None:
    """The test is fair only if no group was formed on a sample that it asks about (docs/definitions.md, Deletion test).

    Raises:
        UserError: no groups are stored, or some hold test samples.
    """
    if not session.scalar(select(exists(select(GlobalGroup.id)))):
        raise UserError(
            "evaluate deletion: no groups are stored; run the stages explain-local and explain-global first"
        )
    if session.scalar(select(exists(select(GlobalMember.id).join(Sample).where(Sample.split == "test")))):
        raise UserError(
            "evaluate deletion: groups were formed on test samples; set explain.split = 'all' and "
            "global.split = 'train' in the recipe and run the stages explain-local and explain-global again"
        )


def right_samples(session: Session, model: Model, category: Category) -> set[str]:
    """Paths of the class's test samples that the model has right."""
    query = (
        select(Sample.path)
        .join(Prediction, Prediction.sample_id == Sample.id)
        .where(
            Sample.category_id == category.id,
            Sample.split == "test",
            Prediction.model_id == model.id,
            Prediction.category_id == category.id,
        )
    )
    return set(session.scalars(query))


def plan_class(
    session: Session,
    model: Model,
    category: Category,
    samples: Sequence[LabelledSample],
    embeddings: SuperpixelEmbeddings | None,
    recipe: Recipe,
) -> dict[str, Removals]:
    """The features of a class's top 3 groups, by modality, of each right test sample that contains one.

    A picture contains an image group when one of its top 3 superpixels lies nearest to the group's centroid, and no
    farther from it than a member does; only explained samples have top superpixels. A text contains a text group when
    one of its entries matches the representative's text. Source: P1 §5.2;
    docs/definitions.md, Global groups, Deletion test.

    Args:
        samples: of the class, test split.
        embeddings: of superpixels; None where no image classifier is trained.

    Returns:
        By the sample's path; sorted segment ids and entry positions, never empty.
    """
    groups = session.scalars(
        select(GlobalGroup)
        .where(GlobalGroup.model_id == model.id, GlobalGroup.category_id == category.id)
        .order_by(GlobalGroup.modality, GlobalGroup.rank)
    ).all()
    right = right_samples(session, model, category)
    planned: dict[str, Removals] = defaultdict(dict)
    words = [_representative_text(session, one) for one in groups if one.modality == "text" and one.rank <= TOP_GROUPS]
    for sample in samples:
        if sample.path in right:
            readable = cut_entries(list(sample.entries), recipe.towers.text.max_words)
            found = tuple(
                position
                for position, entry in enumerate(readable)
                if any(same_word(entry.text, word, recipe.global_.similarity) for word in words)
            )
            if found:
                planned[sample.path]["text"] = found
    images = [group for group in groups if group.modality == "image" and group.centroid is not None]
    if embeddings is not None and images:
        explanations = true_class_explanations(session, model.id, category.id, "test")
        features = [
            feature
            for explanation in explanations
            if explanation.sample in right
            for feature in top_features(explanation, "image", recipe.global_.top)
        ]
        if features:
            nearest = nearest_groups(
                embeddings.of(features),
                np.array([group.centroid for group in images], dtype=np.float32),
                np.array([group.radius for group in images], dtype=np.float64),
            )
            of_top = [
                feature
                for feature, index in zip(features, nearest, strict=True)
                if index >= 0 and images[index].rank <= TOP_GROUPS
            ]
            for feature in of_top:
                before = planned[feature.sample].get("image", ())
                planned[feature.sample]["image"] = tuple(sorted({*before, feature.index}))
    return dict(planned)


def _representative_text(session: Session, group: GlobalGroup) -> str:
    query = (
        select(OcrEntry.text)
        .join(
            GlobalMember, (GlobalMember.sample_id == OcrEntry.sample_id) & (GlobalMember.feature == OcrEntry.position)
        )
        .where(GlobalMember.group_id == group.id, GlobalMember.representative)
    )
    return session.execute(query).scalar_one()
