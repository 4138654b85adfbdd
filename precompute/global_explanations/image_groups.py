"""Image groups: superpixels that look alike to the trained image classifier, by HDBSCAN within a class."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import hdbscan
import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from precompute.dataset.samples import Pixels
from precompute.global_explanations.features import Feature
from precompute.global_explanations.groups import FeatureGroup, by_weight
from precompute.local_explanations.superpixels import LabelMap
from precompute.recipe import GlobalSettings

Embed = Callable[[Tensor], Tensor]
Embeddings = npt.NDArray[np.float32]
UnitVectors = npt.NDArray[np.float64]
SuperpixelKey = tuple[str, int]
"""A sample's path and a superpixel's id."""
SegmentedPicture = tuple[Pixels, LabelMap]


def crop_superpixel(picture: Pixels, label_map: LabelMap, superpixel: int) -> Pixels:
    """The bounding box of one superpixel, everything else in it black (docs/definitions.md, Global groups).

    Args:
        picture: uint8 [h, w, 3].
        label_map: int [h, w], in which `superpixel` occurs.

    Returns:
        uint8 [box height, box width, 3].
    """
    inside = label_map == superpixel
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.where(inside[box][..., None], picture[box], np.uint8(0))


class SuperpixelEmbeddings:
    """Embeddings of superpixels, each computed once; models that rely on the same superpixel share it.

    Args:
        embed: the trained image classifier up to its hidden layer: float32 [n, 3, h, w] in 0..1 -> [n, d].
            P1 §4.2: features that were trained on ImageNet alone do not cluster; `global.embedding = "tower"` tries.
        load: the picture and label map of a sample, by its path.
        size: the tower's input is size x size.
        batch_size: crops in one call; the last batch is filled up, so that no embedding depends on its neighbours.
    """

    def __init__(self, embed: Embed, load: Callable[[str], SegmentedPicture], size: int, batch_size: int) -> None:
        self._embed = embed
        self._load = load
        self._size = size
        self._batch_size = batch_size
        self._known: dict[SuperpixelKey, Embeddings] = {}

    def of(self, features: Sequence[Feature]) -> Embeddings:
        """float32 [n, d], one row a feature."""
        wanted = {(feature.sample, feature.index) for feature in features}
        missing = sorted(wanted - self._known.keys())
        for start in range(0, len(missing), self._batch_size):
            batch = missing[start : start + self._batch_size]
            self._known.update(zip(batch, self._embedded(batch), strict=True))
        return np.stack([self._known[feature.sample, feature.index] for feature in features])

    def _embedded(self, superpixels: Sequence[SuperpixelKey]) -> Embeddings:
        crops = np.zeros((self._batch_size, self._size, self._size, 3), dtype=np.uint8)
        loaded: dict[str, SegmentedPicture] = {}
        for row, (sample, superpixel) in enumerate(superpixels):
            if sample not in loaded:
                loaded = {sample: self._load(sample)}
            crop = Image.fromarray(crop_superpixel(*loaded[sample], superpixel))
            crops[row] = np.asarray(crop.resize((self._size, self._size), Image.Resampling.BILINEAR))
        with torch.inference_mode():
            embedded = self._embed(torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255)
        return embedded[: len(superpixels)].float().cpu().numpy()


def group_superpixels(
    features: Iterable[Feature],
    embeddings: Callable[[Sequence[Feature]], Embeddings],
    explained: int,
    settings: GlobalSettings,
) -> list[FeatureGroup]:
    """Divide superpixels into groups that look alike; noise is in none of them (P1 §3.2).

    Args:
        features: of one class and model, in any order.
        embeddings: float32 [n, d] of n features.
        explained: the class's explained samples.
        settings: how large a group must be.

    Returns:
        Groups with their heaviest member first.
    """
    ordered = sorted(features, key=lambda feature: (feature.sample, feature.index))
    size = max(settings.cluster_size, int(settings.cluster_share * explained))
    if len(ordered) < 2 * size:
        return []
    points = unit_vectors(embeddings(ordered))
    labels = cluster(points, size)
    return [_group(ordered, points, np.flatnonzero(labels == label)) for label in range(labels.max() + 1)]


def _group(features: Sequence[Feature], points: UnitVectors, indices: npt.NDArray[np.int64]) -> FeatureGroup:
    mean = points[indices].mean(axis=0)
    centroid = mean / max(float(np.linalg.norm(mean)), 1e-12)
    return FeatureGroup(
        "image",
        tuple(sorted((features[index] for index in indices), key=by_weight)),
        centroid=centroid.astype(np.float32),
        radius=float(1 - (points[indices] @ centroid).min()),
    )


def nearest_groups(
    embeddings: Embeddings, centroids: npt.NDArray[np.float32], radii: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    """Which group new superpixels belong to: the one with the nearest centroid, if no farther from it than a member is.

    Args:
        embeddings: float32 [n, d] of superpixels that no group was made of.
        centroids: float32 [g, d], of length 1.
        radii: float64 [g], the largest distance 1 - cosine of a member.

    Returns:
        int [n]: index of the group, -1 = none. Source: ours; P1 §5.2 counts samples that contain a group.
    """
    if not len(centroids):
        return np.full(len(embeddings), -1, dtype=np.int64)
    distances = 1 - unit_vectors(embeddings) @ centroids.T.astype(np.float64)
    nearest = distances.argmin(axis=1)
    inside = distances[np.arange(len(nearest)), nearest] <= radii[nearest] + 1e-6
    return np.where(inside, nearest, -1)


def unit_vectors(embeddings: Embeddings) -> UnitVectors:
    """Each row brought to length 1, float64; a zero row stays zero."""
    lengths = np.linalg.norm(embeddings.astype(np.float64), axis=1, keepdims=True)
    return np.asarray(embeddings / np.maximum(lengths, 1e-12), dtype=np.float64)


def cluster(points: UnitVectors, size: int) -> npt.NDArray[np.int64]:
    """HDBSCAN of unit_vectors: a cluster has at least `size` points, and so many neighbours make a point dense.

    Args:
        points: float64 [n, d] of length 1, n >= 2 * size: two clusters, since HDBSCAN looks for splits.
        size: at least 2.

    Returns:
        int [n]: the cluster's number, -1 = noise. Source: P1 §4.2; settings ours.
    """
    # The exact spanning tree and one process: the same points give the same groups everywhere.
    found = hdbscan.HDBSCAN(min_cluster_size=size, min_samples=size, approx_min_span_tree=False, core_dist_n_jobs=1)
    return np.asarray(found.fit(points).labels_, dtype=np.int64)
