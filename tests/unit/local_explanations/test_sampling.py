"""Sampling designs against the lime package's own draw."""

import numpy as np
import pytest

from precompute.local_explanations.sampling import lime_design


def test_rows_are_those_that_lime_image_draws_from_the_same_seed() -> None:
    design = lime_design(60, 7, 500, seed=3)
    reference = np.random.RandomState(3).randint(0, 2, 500 * 67).reshape((500, 67))
    reference[0, :] = 1
    assert np.array_equal(design.features, reference)


@pytest.mark.parametrize("superpixels, entries", [(1, 0), (1, 1), (80, 0), (3, 5), (300, 40)])
def test_first_mask_keeps_everything_and_last_one_nothing(superpixels: int, entries: int) -> None:
    design = lime_design(superpixels, entries, 64, seed=0)
    for masks in (design.image_masks, design.text_masks):
        assert masks[0].all()
        assert not masks[-1].any()
    assert tuple(design.rows[0]) == (0, 0)
    assert design.features.shape == (64, superpixels + entries)


def test_no_mask_is_evaluated_twice() -> None:
    design = lime_design(2, 3, 1000, seed=1)
    assert len(np.unique(design.image_masks, axis=0)) == len(design.image_masks) == 4
    assert len(np.unique(design.text_masks, axis=0)) == len(design.text_masks) == 8


def test_another_seed_draws_other_rows() -> None:
    assert not np.array_equal(lime_design(60, 7, 50, seed=3).features, lime_design(60, 7, 50, seed=4).features)
