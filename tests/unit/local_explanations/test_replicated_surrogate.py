"""The closed form on replicated designs against lime's own fit on the same rows."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from precompute.local_explanations.balanced import ReplicatedDesign, crossed_design, joint_design
from precompute.local_explanations.replicated_surrogate import certainty_of_order, fit_replicated
from precompute.local_explanations.surrogate import fit_lime


def _features(design: ReplicatedDesign) -> np.ndarray:
    image, text = design.rows.T
    return np.hstack([design.image_masks[image], design.text_masks[text]]).astype(float)


def _answers(features: np.ndarray, seed: int = 0, noise: float = 0.0) -> np.ndarray:
    """Two targets with main effects and interactions of three features, squashed."""
    random = np.random.default_rng(seed)
    scores = features @ random.normal(size=(features.shape[1], 2))
    scores += (features[:, :1] * features[:, 1:2] * features[:, 2:3]) * 2
    return 1 / (1 + np.exp(-scores / 3)) + noise * random.normal(size=scores.shape)


@pytest.mark.parametrize("draw", [crossed_design, joint_design])
@pytest.mark.parametrize("superpixels, entries", [(20, 4), (30, 0), (5, 9)])
def test_fit_equals_limes_own_on_the_same_rows(
    draw: Callable[[int, int, int, int], ReplicatedDesign], superpixels: int, entries: int
) -> None:
    design = draw(superpixels, entries, 96, 2)
    features = _features(design)
    probabilities = _answers(features)
    ridge = 1.0
    ours = fit_replicated(design, probabilities, 0.25, ridge)
    for mine, theirs in zip(ours, fit_lime(features, probabilities, 0.25, ridge * len(features) / 2000), strict=True):
        assert np.abs(mine.weights - theirs.weights).max() <= 1e-9
        assert (mine.intercept, mine.r2) == pytest.approx((theirs.intercept, theirs.r2), abs=1e-9)
        assert mine.prediction == pytest.approx(mine.intercept + mine.weights.sum(), abs=1e-12)


def test_a_constant_answer_gives_zero_weights_and_errors() -> None:
    design = crossed_design(20, 4, 200, seed=2)
    (surrogate,) = fit_replicated(design, np.full((len(design.rows), 1), 0.3), 0.25, 1.0)
    assert np.abs(surrogate.weights).max() < 1e-12
    assert surrogate.r2 == 1
    assert np.abs(surrogate.errors).max() < 1e-12


def test_two_standard_errors_cover_the_mean_over_many_designs() -> None:
    fits = []
    for seed in range(60):
        design = crossed_design(20, 6, 250, seed=seed)
        surrogate, _ = fit_replicated(design, _answers(_features(design)), 0.25, 1.0)
        fits.append((surrogate.weights, surrogate.errors))
    weights, errors = (np.stack(part) for part in zip(*fits, strict=True))
    covered = np.abs(weights - weights.mean(axis=0)) <= 2 * errors
    assert 0.9 <= covered.mean() <= 0.995


def test_errors_are_right_where_blocks_share_their_text_masks() -> None:
    fits = []
    for seed in range(40):
        design = crossed_design(80, 40, 960, seed=seed)  # 6 blocks, 2 designs of the texts
        texts = design.text_masks.astype(float)
        answer = 1 / (1 + np.exp(4 - 0.9 * texts[:, :12].sum(axis=1))) + 0.2 * texts[:, 3] * texts[:, 20] * texts[:, 30]
        surrogate, _ = fit_replicated(design, np.stack([answer, answer], axis=1)[design.rows[:, 1]], 0.25, 1.0)
        fits.append((surrogate.weights[80:], surrogate.errors[80:]))
    weights, errors = (np.stack(part) for part in zip(*fits, strict=True))
    spread = np.sqrt(weights.var(axis=0, ddof=1).mean())
    assert 0.8 <= spread / np.sqrt((errors**2).mean()) <= 1.25


def test_certainty_of_an_order_is_what_normal_draws_give() -> None:
    weights, errors = np.array([0.1, 0.5, 0.3, 0.0, 0.28]), np.array([0.05, 0.04, 0.05, 0.06, 0.02])
    draws = np.random.default_rng(0).normal(weights, errors, (200_000, 5))
    order = np.argsort(-weights)
    for top in (1, 2, 3):
        pairs = [draws[:, one] > draws[:, other] for one, other in pairwise(order[: top + 1])]
        wrong = sum(1 - pair.mean() for pair in pairs)
        assert certainty_of_order(weights, errors, top) == pytest.approx(max(0, 1 - wrong), abs=0.005)
    assert certainty_of_order(np.array([0.2]), np.array([0.1]), 3) == 1
    assert certainty_of_order(np.array([0.2, 0.2]), np.array([0.1, 0.1]), 3) == pytest.approx(0.5)
