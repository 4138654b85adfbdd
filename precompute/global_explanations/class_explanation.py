"""The global explanation of one class by one model: its groups, and why there is none where there is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from db.definitions.principal_plane import principal_plane
from db.records.explanations import Modality, TrueClassExplanation
from precompute.global_explanations.features import Feature, top_features
from precompute.global_explanations.groups import FeatureGroup
from precompute.global_explanations.image_groups import Embeddings, group_superpixels, unit_vectors
from precompute.global_explanations.scores import minimum_support
from precompute.global_explanations.text_groups import group_texts
from precompute.recipe import GlobalSettings


@dataclass(frozen=True)
class ModalityGroups:
    """The groups of one modality and what was left out.

    Attributes:
        explained: samples of the class with an explanation of it.
        support: distinct samples that a group needs.
        features: number of top features that went in.
        noise: those that are in no group, of any size.
        rare: groups with too little support.
        reason: why no group is shown; None where one is.
        projection: of each superpixel its sample's id, its own id, and x and y in 0..1 on the first two principal
            components of the class's embeddings; empty for entries, and where nothing was embedded.
    """

    groups: tuple[FeatureGroup, ...]
    explained: int
    support: int
    features: int
    noise: int
    rare: int
    reason: str | None
    projection: tuple[tuple[int, int, float, float], ...] = ()


def explain_class(
    explanations: Sequence[TrueClassExplanation],
    embeddings: Callable[[Sequence[Feature]], Embeddings] | None,
    settings: GlobalSettings,
) -> dict[Modality, ModalityGroups]:
    """What a model relies on in a class, from its explanations of the true class (docs/definitions.md, Global groups).

    Args:
        explanations: of one model, on samples of one class, in any order.
        embeddings: float32 [n, d] of n superpixels; None where no image classifier is trained: no image groups then.
        settings: features a sample, group sizes, least support.

    Returns:
        The groups of both modalities.
    """
    superpixels = [one for explanation in explanations for one in top_features(explanation, "image", settings.top)]
    entries = [one for explanation in explanations for one in top_features(explanation, "text", settings.top)]
    explained = len(explanations)
    support = minimum_support(explained, settings.support_share, settings.support_least)
    found = {
        "image": []
        if embeddings is None or explained < support
        else group_superpixels(superpixels, embeddings, explained, settings),
        "text": group_texts(entries, settings.similarity),
    }
    answer: dict[Modality, ModalityGroups] = {}
    features: tuple[tuple[Modality, list[Feature]], ...] = (("image", superpixels), ("text", entries))
    for modality, these in features:
        groups = found[modality]
        supported = tuple(group for group in groups if group.samples >= support)
        if supported:
            reason = None
        elif explained < support:
            reason = f"explained samples of the class: {explained}; a group needs {support}"
        elif not these:
            reason = f"no {'part of a picture' if modality == 'image' else 'text'} has a weight above 0"
        elif modality == "image" and embeddings is None:
            reason = "no image classifier is trained that could tell which parts look alike"
        elif (
            modality == "image"
        ):  # HDBSCAN looks for splits: it finds none among superpixels that all look alike, either
            reason = f"no parts were found that stand out from the rest in {support} of {explained} samples"
        else:
            reason = f"no text came back in {support} of {explained} samples"
        answer[modality] = ModalityGroups(
            groups=supported,
            explained=explained,
            support=support,
            features=len(these),
            noise=len(these) - sum(len(group.members) for group in groups),
            rare=len(groups) - len(supported),
            reason=reason,
            projection=_projection(superpixels, embeddings)
            if modality == "image" and embeddings and found["image"]
            else (),
        )
    return answer


def _projection(
    superpixels: Sequence[Feature], embeddings: Callable[[Sequence[Feature]], Embeddings]
) -> tuple[tuple[int, int, float, float], ...]:
    """See `ModalityGroups.projection`."""
    ordered = sorted(superpixels, key=lambda one: (one.sample, one.index))
    plane = principal_plane(unit_vectors(embeddings(ordered)))
    return tuple(
        (one.sample_id, one.index, round(float(x), 3), round(float(y), 3))
        for one, (x, y) in zip(ordered, plane, strict=True)
    )
