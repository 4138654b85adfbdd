"""Points on the plane of their first two principal components, against the covariance's eigenvectors."""

from __future__ import annotations

import numpy as np
import pytest

from db.definitions.principal_plane import principal_plane


def plain_distances(points: np.ndarray) -> np.ndarray:
    """Distances on the plane of the two largest eigenvectors of the covariance matrix."""
    centred = points - points.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    plane = centred @ vectors[:, -2:]
    return np.linalg.norm(plane[:, None] - plane[None], axis=-1)


@pytest.mark.parametrize("shape", [(30, 8), (5, 64), (40, 3)])
def test_distances_are_those_on_the_principal_plane_up_to_one_scale(shape: tuple[int, int]) -> None:
    points = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    placed = principal_plane(points)
    made = np.linalg.norm(placed[:, None] - placed[None], axis=-1)
    expected = plain_distances(points.astype(np.float64))
    np.testing.assert_allclose(made * expected.max() / made.max(), expected, atol=1e-5)
    assert placed.min() >= -1e-9
    assert placed.max() <= 1 + 1e-9
    assert float(np.ptp(placed, axis=0).max()) == pytest.approx(1)


def test_the_same_points_always_give_the_same_picture() -> None:
    points = np.random.default_rng(2).normal(size=(12, 6)).astype(np.float32)
    np.testing.assert_allclose(principal_plane(points), principal_plane(points.copy()))


@pytest.mark.parametrize("points", [np.zeros((0, 0)), np.zeros((1, 4)), np.ones((3, 4)), np.arange(3.0)[:, None]])
def test_too_little_to_spread_stays_finite(points: np.ndarray) -> None:
    placed = principal_plane(points.astype(np.float32))
    assert placed.shape == (len(points), 2)
    assert np.isfinite(placed).all()
    assert np.allclose(placed[:, 1], 0.5)
