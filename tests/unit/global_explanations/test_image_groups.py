"""Crops, shared embeddings and HDBSCAN within a class."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from precompute.global_explanations.features import Feature
from precompute.global_explanations.image_groups import (
    Embeddings,
    SuperpixelEmbeddings,
    crop_superpixel,
    group_superpixels,
    nearest_groups,
)
from precompute.recipe import GlobalSettings
from tests.unit.global_explanations.features_of import word

PICTURE = np.random.default_rng(0).integers(1, 256, (8, 12, 3), dtype=np.uint8)
LABELS = np.zeros((8, 12), dtype=np.int32)
LABELS[2:5, 3:7] = 1
LABELS[2, 3] = 2


def test_a_crop_is_the_bounding_box_with_everything_else_black() -> None:
    crop = crop_superpixel(PICTURE, LABELS, 1)
    assert crop.shape == (3, 4, 3)
    assert (crop[0, 0] == 0).all()
    assert (crop.reshape(-1, 3)[1:] == PICTURE[2:5, 3:7].reshape(-1, 3)[1:]).all()


def test_the_crop_of_one_pixel_is_that_pixel() -> None:
    assert crop_superpixel(PICTURE, LABELS, 2).tolist() == [[PICTURE[2, 3].tolist()]]


class _Tower:
    """Mean colour as the embedding; remembers the batches that it saw."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, ...]] = []

    def __call__(self, crops: Tensor) -> Tensor:
        self.batches.append(tuple(crops.shape))
        return crops.mean(dim=(2, 3))


def _parts(tower: _Tower, batch_size: int = 2) -> tuple[SuperpixelEmbeddings, list[str]]:
    loaded: list[str] = []

    def load(path: str) -> tuple[np.ndarray, np.ndarray]:
        loaded.append(path)
        return PICTURE, LABELS

    return SuperpixelEmbeddings(tower, load, 6, batch_size), loaded


def test_each_part_is_embedded_once_for_all_models_in_padded_batches() -> None:
    tower = _Tower()
    parts, loaded = _parts(tower)
    first = parts.of([word("", 0, index=1), word("", 0, index=0), word("", 1, index=1)])
    again = parts.of([word("", 1, index=1), word("", 0, index=1)])
    assert tower.batches == [(2, 3, 6, 6)] * 2
    assert len(loaded) == 2
    assert (again == first[[2, 0]]).all()


def test_an_embedding_is_that_of_the_crop_in_0_to_1() -> None:
    white = np.full((8, 12, 3), 255, dtype=np.uint8)
    parts = SuperpixelEmbeddings(_Tower(), lambda _: (white, LABELS), 6, 4)
    assert np.allclose(parts.of([word("", 0, index=2)]), 1.0)


def test_no_batch_size_changes_an_embedding() -> None:
    features = [word("", sample, index=index) for sample in range(3) for index in range(3)]
    torch.manual_seed(0)
    layer = torch.nn.Linear(108, 5)
    found = [
        SuperpixelEmbeddings(lambda crops: layer(crops.flatten(1)), lambda _: (PICTURE, LABELS), 6, size).of(features)
        for size in (1, 4, 32)
    ]
    assert np.allclose(found[0], found[1], atol=1e-5)
    assert np.allclose(found[0], found[2], atol=1e-5)


def _blobs(samples: int, things: int, spread: float = 0.3, seed: int = 0) -> tuple[list[Feature], np.ndarray]:
    """Each sample shows every thing once, at a random length and slightly off its direction."""
    generator = np.random.default_rng(seed)
    directions = np.linalg.qr(generator.normal(size=(16, things)))[0].T
    features, points = [], []
    for sample in range(samples):
        for thing in range(things):
            features.append(word("", sample, float(generator.uniform(0.1, 1)), index=thing))
            off = generator.normal(size=16) * spread / 4
            points.append((directions[thing] + off) * generator.uniform(0.5, 20))
    return features, np.array(points, dtype=np.float32)


def _lookup(features: Sequence[Feature], points: np.ndarray) -> dict[tuple[str, int], np.ndarray]:
    return {(f.sample, f.index): point for f, point in zip(features, points, strict=True)}


@pytest.mark.parametrize("samples", [5, 12, 50])
@pytest.mark.parametrize("things", [2, 3])
def test_things_that_look_alike_are_one_group_each_whatever_the_length_of_embeddings(samples: int, things: int) -> None:
    features, points = _blobs(samples, things)
    table = _lookup(features, points)

    def embeddings(asked: Sequence[Feature]) -> Embeddings:
        return np.stack([table[f.sample, f.index] for f in asked])

    groups = group_superpixels(features, embeddings, samples, GlobalSettings())
    # HDBSCAN may leave a point of a thing out as noise; it never mixes two things that are this far apart.
    assert all(len({member.index for member in group.members}) == 1 for group in groups)
    assert {group.members[0].index for group in groups} == set(range(things))
    assert sum(len(group.members) for group in groups) >= 0.8 * len(features)
    assert group_superpixels(features[::-1], embeddings, samples, GlobalSettings()) == groups


def test_members_stand_by_falling_weight() -> None:
    features, points = _blobs(12, 3)
    table = _lookup(features, points)
    groups = group_superpixels(
        features, lambda asked: np.stack([table[f.sample, f.index] for f in asked]), 12, GlobalSettings()
    )
    for group in groups:
        weights = [member.weight for member in group.members]
        assert weights == sorted(weights, reverse=True)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_too_few_parts_are_no_group_and_are_not_embedded(count: int) -> None:
    tower = _Tower()
    parts, _ = _parts(tower)
    assert group_superpixels([word("", 0, index=i) for i in range(count)], parts.of, 2, GlobalSettings()) == []
    assert tower.batches == []


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_equal_embeddings_even_zero_ones_raise_nothing(value: float) -> None:
    features = [word("", sample, index=i) for sample in range(4) for i in range(3)]
    groups = group_superpixels(features, lambda asked: np.full((len(asked), 4), value, "f4"), 4, GlobalSettings())
    assert sum(len(group.members) for group in groups) <= len(features)


def test_centroid_and_radius_describe_the_members_directions() -> None:
    features, points = _blobs(12, 3)
    table = _lookup(features, points)
    for group in group_superpixels(
        features, lambda asked: np.stack([table[f.sample, f.index] for f in asked]), 12, GlobalSettings()
    ):
        members = np.stack([table[f.sample, f.index] / np.linalg.norm(table[f.sample, f.index]) for f in group.members])
        mean = sum(members) / len(members)
        assert group.centroid is not None
        assert group.radius is not None
        assert group.centroid == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)
        assert group.radius == pytest.approx(max(1 - member @ group.centroid for member in members), abs=1e-6)


def test_a_new_part_belongs_to_the_nearest_group_if_no_farther_than_its_members_are() -> None:
    centroids, radii = np.eye(3, dtype=np.float32)[:2], np.array([0.1, 0.3])
    within, beyond = 1 - 0.09, 1 - 0.11
    parts = [
        [7.0, 0, 0],
        [within, 0, np.sqrt(1 - within**2)],
        [beyond, 0, np.sqrt(1 - beyond**2)],
        [0, beyond, np.sqrt(1 - beyond**2)],
        [0, 0, 0],
    ]
    assert nearest_groups(np.array(parts, "f4"), centroids, radii).tolist() == [0, 0, -1, 1, -1]
    assert nearest_groups(np.array(parts, "f4"), centroids[:0], radii[:0]).tolist() == [-1] * 5
