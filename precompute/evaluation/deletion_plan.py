"""Which features the deletion test removes: those of a class's top groups that a test sample contains."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from db.definitions.spelling import same_word
from db.errors import UserError
from db.read.reader import Reader
from db.records.explanations import Modality
from precompute.dataset.samples import LabelledSample
from precompute.global_explanations.features import top_features
from precompute.global_explanations.image_groups import SuperpixelEmbeddings, nearest_groups
from precompute.models.text import cut_entries
from precompute.recipe import Recipe

TOP_GROUPS = 3

Removals = dict[Modality, tuple[int, ...]]


def require_train_groups(reader: Reader) -> None:
    """The test is fair only if no group was formed on a sample that it asks about (docs/definitions.md, Deletion test).

    Raises:
        UserError: no groups are stored, or some hold test samples.
    """
    if not reader.groups.count():
        raise UserError(
            "evaluate deletion: no groups are stored; run the stages explain-local and explain-global first"
        )
    if reader.groups.hold_test_samples():
        raise UserError(
            "evaluate deletion: groups were formed on test samples; set explain.split = 'all' and "
            "global.split = 'train' in the recipe and run the stages explain-local and explain-global again"
        )


def plan_class(
    reader: Reader,
    model: str,
    label: str,
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
    right = reader.predictions.right_on_test(model, label)
    planned: dict[str, Removals] = defaultdict(dict)
    words = [
        group.representative.text or ""
        for group in reader.groups.of_class(model, label, "text")
        if group.rank <= TOP_GROUPS and group.representative is not None
    ]
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
    images = reader.groups.image_groups(model, label)
    if embeddings is not None and images:
        explanations = reader.explanations.of_true_class(model, label, "test")
        features = [
            feature
            for explanation in explanations
            if explanation.sample in right
            for feature in top_features(explanation, "image", recipe.global_.top)
        ]
        if features:
            nearest = nearest_groups(
                embeddings.of(features),
                np.array([centroid for _, centroid, _ in images], dtype=np.float32),
                np.array([radius for _, _, radius in images], dtype=np.float64),
            )
            of_top = [
                feature
                for feature, index in zip(features, nearest, strict=True)
                if index >= 0 and images[index][0] <= TOP_GROUPS
            ]
            for feature in of_top:
                before = planned[feature.sample].get("image", ())
                planned[feature.sample]["image"] = tuple(sorted({*before, feature.index}))
    return dict(planned)
