"""The global explanation of one class by one model: its groups, and why there is none where there is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from db.definitions.principal_plane import principal_plane
from precompute.global_explanations.features import Feature, Modality, StoredExplanation, top_features
from precompute.global_explanations.groups import FeatureGroup
from precompute.global_explanations.image_groups import Embeddings, directions, group_parts
from precompute.global_explanations.scores import least_support
from precompute.global_explanations.text_groups import group_texts
from precompute.recipe import GlobalSettings


@dataclass(frozen=True)
class ModalityGroups:
    """The groups of one modality and what was left out.

    Attributes:
        explained: samples of the class with an explanation of it.
        support: distinct samples that a group needs.
        parts: top features that went in.
        noise: those that are in no group, of any size.
        rare: groups with too little support.
        reason: why no group is shown; None where one is.
        places: of each part its sample's id, its segment and where it lies on the plane that shows most of the
            variance of the class's parts, x and y in 0..1; empty for words, and where nothing was embedded.
    """

    groups: tuple[FeatureGroup, ...]
    explained: int
    support: int
    parts: int
    noise: int
    rare: int
    reason: str | None
    places: tuple[tuple[int, int, float, float], ...] = ()


def explain_class(
    explanations: Sequence[StoredExplanation],
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
    parts = [part for explanation in explanations for part in top_features(explanation, "image", settings.top)]
    words = [word for explanation in explanations for word in top_features(explanation, "text", settings.top)]
    explained = len(explanations)
    support = least_support(explained, settings.support_share, settings.support_least)
    found = {
        "image": []
        if embeddings is None or explained < support
        else group_parts(parts, embeddings, explained, settings),
        "text": group_texts(words, settings.similarity),
    }
    answer: dict[Modality, ModalityGroups] = {}
    features: tuple[tuple[Modality, list[Feature]], ...] = (("image", parts), ("text", words))
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
        elif modality == "image":  # HDBSCAN looks for splits: it finds none among parts that all look alike, either
            reason = f"no parts were found that stand out from the rest in {support} of {explained} samples"
        else:
            reason = f"no text came back in {support} of {explained} samples"
        answer[modality] = ModalityGroups(
            groups=supported,
            explained=explained,
            support=support,
            parts=len(these),
            noise=len(these) - sum(len(group.members) for group in groups),
            rare=len(groups) - len(supported),
            reason=reason,
            places=_places(parts, embeddings) if modality == "image" and embeddings and found["image"] else (),
        )
    return answer


def _places(
    parts: Sequence[Feature], embeddings: Callable[[Sequence[Feature]], Embeddings]
) -> tuple[tuple[int, int, float, float], ...]:
    ordered = sorted(parts, key=lambda part: (part.sample, part.index))
    plane = principal_plane(directions(embeddings(ordered)))
    return tuple(
        (part.sample_id, part.index, round(float(x), 3), round(float(y), 3))
        for part, (x, y) in zip(ordered, plane, strict=True)
    )
