"""The balanced design: orthogonal, folded, re-randomised by seed, for any number of features."""

from collections.abc import Callable

import numpy as np
import pytest

from precompute.local_explanations.balanced import (
    ReplicatedDesign,
    crossed_design,
    folded_design,
    hadamard,
    joint_design,
)


@pytest.mark.parametrize("least", [1, 2, 5, 8, 20, 65, 80, 101, 300])
def test_hadamard_rows_are_orthogonal(least: int) -> None:
    matrix = hadamard(least).astype(int)
    assert len(matrix) >= least
    assert np.array_equal(matrix @ matrix.T, len(matrix) * np.eye(len(matrix)))
    assert (matrix[:, 0] == 1).all()


@pytest.mark.parametrize("features", [3, 7, 40, 78])
def test_folded_design_is_balanced_and_free_of_two_feature_interactions(features: int) -> None:
    signs = folded_design(features, np.random.default_rng(1)).astype(int) * 2 - 1
    assert np.array_equal(signs.T @ signs, len(signs) * np.eye(features))
    assert (signs.sum(axis=0) == 0).all()
    interactions = np.einsum("ni,nj,nk->ijk", signs, signs, signs)
    assert (interactions == 0).all()


@pytest.mark.parametrize("draw", [crossed_design, joint_design])
@pytest.mark.parametrize("superpixels, entries", [(1, 0), (1, 1), (2, 3), (78, 0), (78, 6), (300, 12), (60, 256)])
def test_every_feature_is_on_in_half_of_the_rows(
    draw: Callable[[int, int, int, int], ReplicatedDesign], superpixels: int, entries: int
) -> None:
    design = draw(superpixels, entries, 512, 0)
    image, text = design.rows.T
    features = np.hstack([design.image_masks[image], design.text_masks[text]])
    assert np.allclose(features.mean(axis=0), 0.5)
    assert design.image_masks[0].all() and not design.image_masks[-1].any()
    assert design.text_masks[0].all() and not design.text_masks[-1].any()


def test_few_features_are_enumerated_fully() -> None:
    design = crossed_design(78, 3, 512, seed=0)
    assert len(np.unique(design.text_masks, axis=0)) == len(design.text_masks) == 8


def test_no_mask_is_evaluated_twice() -> None:
    design = crossed_design(78, 7, 512, seed=0)
    for masks in (design.image_masks, design.text_masks):
        assert len(np.unique(masks, axis=0)) == len(masks)


def test_seed_decides_the_design() -> None:
    first, again, other = (crossed_design(78, 7, 512, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(first.image_masks, again.image_masks)
    assert not np.array_equal(first.image_masks, other.image_masks)
