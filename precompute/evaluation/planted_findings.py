"""What one model makes of planted evidence: its accuracy between twins, and where its explanations point."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from db.read.reader import Reader
from db.records.models import StoredModel
from db.values import Vector
from precompute.evaluation.planted_samples import PlantedSample
from precompute.evaluation.statistics import Share, chance_of_a_hit, separation

TOP_SUPERPIXELS = 3
HALF = 0.5


@dataclass(frozen=True)
class TwinAccuracy:
    """How well a model tells classes apart on the test samples of one kind of twins (`all` = the whole split).

    `right`: the predicted class is the sample's. `twins`: it is so when only the classes of the sample's family are
    compared, which is never less; None for `all`.
    """

    model: str
    kind: str
    right: Share
    twins: Share | None


@dataclass(frozen=True)
class Finding:
    """Whether a model's explanations point at the planted evidence, on the test samples that the model has right.

    Attributes:
        right: number of those samples.
        top_entry: the planted entry is the heaviest one, w > 0; of the samples that have a planted entry.
        top_parts: one of the 3 heaviest superpixels, w > 0, lies at least half inside the planted region.
        reachable: samples in which any superpixel lies at least half inside the region.
        region_mean, region_largest: the planted region's share of the picture, 0..1.
    """

    model: str
    kind: str
    right: int
    top_entry: Share | None
    top_parts: Share | None
    reachable: int | None
    region_mean: float | None
    region_largest: float | None


@dataclass(frozen=True)
class ModalitySeparation:
    """The AUC (chance: 0.5) with which image_share tells picture-only from word-only samples; None without both."""

    model: str
    auc: float | None
    picture: int
    word: int


def twin_accuracies(reader: Reader, model: StoredModel, samples: dict[int, PlantedSample]) -> list[TwinAccuracy]:
    """A model's accuracy on the test split and inside each kind of twins, beside what a guess gives."""
    index_of = {label: index for index, label in enumerate(model.classes)}
    families: dict[str, list[int]] = defaultdict(list)
    for label, family in reader.classes.families().items():
        if label in index_of:
            families[family].append(index_of[label])
    everywhere: list[bool] = []
    right: dict[str, list[bool]] = defaultdict(list)
    twins: dict[str, list[tuple[bool, int]]] = defaultdict(list)
    for one in reader.predictions.on_test(model.name):
        everywhere.append(one.right)
        if (sample := samples.get(one.sample_id)) is not None and sample.label in index_of:
            rivals, probabilities = families[sample.family], one.probabilities
            chosen = max(rivals, key=lambda index: probabilities[index])
            right[sample.kind].append(one.right)
            twins[sample.kind].append((chosen == index_of[sample.label], len(rivals)))
    chance = 1 / len(model.classes)
    rows = [TwinAccuracy(model.name, "all", Share(sum(everywhere), len(everywhere), chance), None)]
    for kind in sorted(right):
        hits = sum(hit for hit, _ in twins[kind])
        guess = float(np.mean([1 / size for _, size in twins[kind]]))
        rows.append(
            TwinAccuracy(
                model.name,
                kind,
                Share(sum(right[kind]), len(right[kind]), chance),
                Share(hits, len(twins[kind]), guess),
            )
        )
    return rows


@dataclass(frozen=True)
class RightExplanation:
    """The explanation of a right prediction, with its sample."""

    sample: PlantedSample
    image_weights: Vector
    text_weights: Vector
    image_share: float | None


def right_explanations(reader: Reader, model: str, samples: dict[int, PlantedSample]) -> list[RightExplanation]:
    """The model's explanations of right predictions on the test split, by sample path."""
    return [
        RightExplanation(samples[one.sample_id], one.image_weights, one.text_weights, one.image_share)
        for one in reader.explanations.right_on_test(model)
        if one.sample_id in samples
    ]


def model_findings(model: str, explanations: list[RightExplanation]) -> list[Finding]:
    """One finding for each kind of twins among the explanations."""
    kinds: dict[str, list[RightExplanation]] = defaultdict(list)
    for explanation in explanations:
        kinds[explanation.sample.kind].append(explanation)
    return [_finding(model, kind, kinds[kind]) for kind in sorted(kinds)]


def _finding(model: str, kind: str, explanations: list[RightExplanation]) -> Finding:
    words = [right for right in explanations if right.sample.entries and len(right.text_weights)]
    parts = [(right, right.sample.inside) for right in explanations if right.sample.inside is not None]
    regions = [right.sample.region for right in explanations if right.sample.region is not None]
    targets = [(int((inside >= HALF).sum()), len(inside)) for _, inside in parts]
    entry_chances = [len(right.sample.entries) / len(right.text_weights) for right in words]
    part_chances = [chance_of_a_hit(hits, count, TOP_SUPERPIXELS) for hits, count in targets]
    return Finding(
        model=model,
        kind=kind,
        right=len(explanations),
        top_entry=Share(
            sum(bool(_heaviest(right.text_weights, 1) & right.sample.entries) for right in words),
            len(words),
            float(np.mean(entry_chances)),
        )
        if words
        else None,
        top_parts=Share(
            sum(
                any(inside[part] >= HALF for part in _heaviest(right.image_weights, TOP_SUPERPIXELS))
                for right, inside in parts
            ),
            len(parts),
            float(np.mean(part_chances)),
        )
        if parts
        else None,
        reachable=sum(hits > 0 for hits, _ in targets) if parts else None,
        region_mean=float(np.mean(regions)) if regions else None,
        region_largest=max(regions, default=None),
    )


def _heaviest(weights: Vector, count: int) -> set[int]:
    """Indices of the heaviest features, w > 0 only."""
    return {int(index) for index in np.argsort(-weights, kind="stable")[:count] if weights[index] > 0}


def modality_separation(model: str, explanations: list[RightExplanation]) -> ModalitySeparation:
    """How well image_share tells the samples of the two kinds apart; undefined shares are left out."""
    shares: dict[str, list[float]] = defaultdict(list)
    for right in explanations:
        if right.image_share is not None:
            shares[right.sample.kind].append(right.image_share)
    picture, word = shares["picture"], shares["word"]
    return ModalitySeparation(model, separation(picture, word), len(picture), len(word))
