"""The surrogate against lime's own and against a plain weighted ridge."""

import numpy as np
import pytest
from lime.lime_base import LimeBase
from lime.lime_image import LimeImageExplainer

from precompute.local_explanations.surrogate import cosine_distances, fit_lime, proximity


def _example(rows: int = 400, features: int = 30) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    kept = random.integers(0, 2, (rows, features)).astype(float)
    kept[0] = 1
    scores = kept @ random.normal(size=(features, 3)) + 0.1 * random.normal(size=(rows, 3))
    return kept, 1 / (1 + np.exp(-scores))


def test_proximity_is_one_at_zero_and_falls_with_distance() -> None:
    distances = np.linspace(0, 1, 50)
    weights = proximity(distances, 0.25)
    assert weights[0] == 1
    assert (np.diff(weights) < 0).all()


def test_proximity_equals_the_kernel_of_the_lime_package() -> None:
    distances = np.linspace(0, 1, 50)
    assert np.allclose(proximity(distances, 0.25), LimeImageExplainer(kernel_width=0.25).base.kernel_fn(distances))


def test_cosine_distance_depends_on_the_share_of_features_kept() -> None:
    features = np.array([[1, 1, 1, 1], [1, 0, 0, 0], [0, 0, 0, 0]], dtype=float)
    assert cosine_distances(features) == pytest.approx([0, 0.5, 1])


def test_weights_equal_those_of_lime_base() -> None:
    features, probabilities = _example()
    for target, ours in enumerate(fit_lime(features, probabilities, 0.25, 1.0)):
        base = LimeBase(lambda d: np.sqrt(np.exp(-(d**2) / 0.25**2)), random_state=5)
        intercept, pairs, r2, prediction = base.explain_instance_with_data(
            features, probabilities, cosine_distances(features), target, features.shape[1], feature_selection="none"
        )
        theirs = np.array([weight for _, weight in sorted(pairs)])
        assert np.abs(ours.weights - theirs).max() <= 1e-6
        assert (ours.intercept, ours.r2, ours.prediction) == pytest.approx((intercept, r2, prediction[0]), abs=1e-6)


def test_weights_solve_the_normal_equations_of_weighted_ridge() -> None:
    features, probabilities = _example()
    weights = proximity(cosine_distances(features), 0.25)
    centred = features - np.average(features, axis=0, weights=weights)
    for target, surrogate in enumerate(fit_lime(features, probabilities, 0.25, 1.0)):
        answer = probabilities[:, target] - np.average(probabilities[:, target], weights=weights)
        gram = centred.T @ (weights[:, None] * centred) + np.eye(features.shape[1])
        assert np.allclose(surrogate.weights, np.linalg.solve(gram, centred.T @ (weights * answer)))


def test_prediction_at_all_ones_is_intercept_plus_weights() -> None:
    features, probabilities = _example()
    for surrogate in fit_lime(features, probabilities, 0.25, 1.0):
        assert surrogate.prediction == pytest.approx(surrogate.intercept + surrogate.weights.sum(), abs=1e-12)


def test_a_constant_answer_gives_zero_weights() -> None:
    features, _ = _example()
    (surrogate,) = fit_lime(features, np.full((len(features), 1), 0.25), 0.25, 1.0)
    assert np.abs(surrogate.weights).max() < 1e-12
    assert surrogate.prediction == pytest.approx(0.25)
