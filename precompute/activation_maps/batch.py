"""All that is computed of a batch of samples: forecasts, ranked features and activation maps, for several models."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import numpy as np
import torch
from torch import Tensor

from db.values import Vector
from precompute.activation_maps.maps import activation_maps
from precompute.activation_maps.ranking import FeatureRanker, Ranking
from precompute.activation_maps.scalars import (
    Scalar,
    Scalars,
    class_scalars,
    forecast_scalars,
    probability_cotangents,
    random_seed,
)
from precompute.activation_maps.tower_stages import StagedForward, forward_stages
from precompute.dataset.samples import LabelledSample, sample_picture
from precompute.local_explanations.explain import targets
from precompute.models.dual_stream import TowersAndHead, availability
from precompute.models.embedding_classifier import EmbeddingClassifier
from precompute.models.runtimes import CPU_ROWS, laid_out
from precompute.models.text import cut_entries
from precompute.models.towers import ImageBackbone, ImageTower
from precompute.models.worker import WorkerState
from precompute.recipe import derive_seed

ClassRankings = Mapping[str, Sequence[int]]
"""Features of the embedding by class, the highest ranked first."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Forecast:
    """An embedding classifier's answer: the class, and all selected features, the highest ranked first."""

    label: str
    features: list[int]
    weights: Vector
    values: Vector
    boxes: list[Box]


@dataclass(frozen=True)
class SampleMaps:
    """One model's maps of one sample before scaling: by (variant, stage 1..4) float32 [len(scalars), h, w]."""

    scalars: list[Scalar]
    maps: dict[tuple[str, int], Vector]
    forecast: Forecast | None


@dataclass(frozen=True)
class MapRequest:
    """What to compute of samples, CPU_ROWS at most.

    Attributes:
        models: names, of embedding classifiers and of models with an image tower and a head.
        variants: of the maps.
        tops: numbers of top-ranked features.
        forecasts: whether maps of the forecasts' own features (or probabilities) are wanted.
        class_rankings: by model, for maps of features ranked over a whole class; of the forecast's class.
    """

    samples: tuple[LabelledSample, ...]
    models: tuple[str, ...]
    variants: tuple[str, ...]
    tops: tuple[int, ...]
    forecasts: bool
    class_rankings: Mapping[str, ClassRankings]


def compute_maps(state: WorkerState, request: MapRequest) -> dict[str, list[SampleMaps]]:
    """Maps by model and sample; models that share an image tower share its forward and its backward passes.

    A batch is filled up with black pictures, so that a sample's numbers do not depend on how many others there are.

    Raises:
        UserError: a tower has no spatial stages.
    """
    size = state.recipe.towers.image_size
    pictures = np.zeros((CPU_ROWS, size, size, 3), np.uint8)
    for row, sample in enumerate(request.samples):
        pictures[row] = sample_picture(sample, size)
    images = torch.from_numpy(pictures).to(state.device).permute(0, 3, 1, 2).float() / 255
    sharing: dict[int, list[str]] = defaultdict(list)
    for name in request.models:
        sharing[id(_tower(state, name))].append(name)
    found: dict[str, list[SampleMaps]] = {}
    for names in sharing.values():
        forward = staged(_tower(state, names[0]), images, state.recipe.towers.image.name)
        asked = {name: _scalars(state, name, request, images, forward) for name in names}
        rows = [
            [part for name in names for part in asked[name][row][0].cotangents.unbind(dim=0)]
            for row in range(len(request.samples))
        ]
        most = max(len(row) for row in rows)
        cotangents = torch.zeros(CPU_ROWS, most, forward.embeddings.shape[1], device=state.device)
        for row, parts in enumerate(rows):
            if parts:
                cotangents[row, : len(parts)] = torch.stack(parts)
        maps = {key: one.cpu().numpy() for key, one in activation_maps(forward, cotangents, request.variants).items()}
        for row in range(len(request.samples)):
            start = 0
            for name in names:
                scalars, forecast = asked[name][row]
                part = slice(start, start + len(scalars.scalars))
                start = part.stop
                own = {key: one[row, part] for key, one in maps.items()}
                found.setdefault(name, []).append(SampleMaps(scalars.scalars, own, forecast))
    return found


def staged(tower: ImageTower, images: Tensor, name: str) -> StagedForward:
    """One forward of a tower that keeps its stages, where the images are; the tower itself stays as it is."""
    return forward_stages(_backbone(tower, images.device), images, name)


@lru_cache(maxsize=8)
def _backbone(tower: ImageTower, device: torch.device) -> ImageBackbone:
    """The tower's backbone on a device, channels last, which is the faster layout; made once."""
    return cast(ImageBackbone, laid_out(tower.backbone, device, torch.channels_last))


def _tower(state: WorkerState, name: str) -> ImageTower:
    model = state.models[name]
    assert isinstance(model, EmbeddingClassifier | TowersAndHead)
    assert model.image_tower is not None
    return model.image_tower


def _scalars(
    state: WorkerState, name: str, request: MapRequest, images: Tensor, forward: StagedForward
) -> list[tuple[Scalars, Forecast | None]]:
    model = state.models[name]
    if isinstance(model, EmbeddingClassifier):
        return _of_features(state, name, model, request, images, forward)
    assert isinstance(model, TowersAndHead)
    return [(one, None) for one in _of_probabilities(state, model, request, forward)]


def _of_features(
    state: WorkerState,
    name: str,
    model: EmbeddingClassifier,
    request: MapRequest,
    images: Tensor,
    forward: StagedForward,
) -> list[tuple[Scalars, Forecast | None]]:
    selected = model.embed_images(images)[:, model.selected].numpy()
    probabilities = model.forest_probabilities(selected)
    rankings = request.class_rankings.get(name, {})
    found: list[tuple[Scalars, Forecast | None]] = []
    for row, sample in enumerate(request.samples):
        predicted = int(probabilities[row].argmax())
        label, embedding = model.classes[predicted], forward.embeddings[row].cpu()
        parts, forecast = [], None
        if request.forecasts:
            seed = derive_seed("rank", state.recipe.seed, name, sample.path, label)
            ranking = ranker(model).rank(selected[row], predicted, seed)
            forecast = _forecast(model, label, ranking, selected[row], forward.stages[-1][row])
            random = random_seed(state.recipe.seed, name, sample.path)
            parts.append(forecast_scalars(embedding, forecast.features, request.tops, random))
        if label in rankings:
            parts.append(class_scalars(embedding, rankings[label], request.tops))
        joined = Scalars(
            [scalar for part in parts for scalar in part.scalars],
            torch.cat([part.cotangents for part in parts] or [torch.zeros(0, len(embedding))]).to(state.device),
        )
        found.append((joined, forecast))
    return found


@lru_cache(maxsize=8)
def ranker(classifier: EmbeddingClassifier) -> FeatureRanker:
    """The classifier's ranker, made once."""
    return FeatureRanker(classifier)


def _forecast(
    model: EmbeddingClassifier, label: str, ranking: Ranking, selected: Vector, last_stage: Tensor
) -> Forecast:
    features = [model.selected[index] for index in ranking.indices]
    height, width = last_stage.shape[1:]
    boxes = []
    for cell in last_stage[features].flatten(1).argmax(dim=1).tolist():
        y, x = divmod(cell, width)
        boxes.append((x / width, y / height, (x + 1) / width, (y + 1) / height))
    return Forecast(label, features, ranking.weights, selected[ranking.indices], boxes)


def _of_probabilities(
    state: WorkerState, model: TowersAndHead, request: MapRequest, forward: StagedForward
) -> list[Scalars]:
    """Probabilities of the classes that local explanations explain: predicted, true, runner-up.

    Definition: docs/definitions.md, Local explanation.
    """
    limit = state.recipe.towers.text.max_words
    entries = [cut_entries(list(sample.entries), limit) for sample in request.samples]
    entries += [[] for _ in range(CPU_ROWS - len(entries))]  # a head, too, rounds otherwise for other numbers of rows
    texts, available = model.embed_texts(entries).to(state.device), availability(CPU_ROWS, entries).to(state.device)
    probabilities = model.fuse(forward.embeddings, texts, available).numpy()
    slopes = probability_cotangents(model, forward.embeddings, texts, available)
    found = []
    for row, sample in enumerate(request.samples):
        wanted = targets(probabilities[row].astype(np.float64), model.classes.index(sample.label))
        scalars = [Scalar(target.kind, "probability", 0) for target in wanted]
        found.append(Scalars(scalars, slopes[row, [target.index for target in wanted]]))
    return found
