"""The ranking of a forecast's features: the ones that matter first, whatever was ranked before."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from precompute.activation_maps.ranking import FeatureRanker
from precompute.models.embedding_classifier import EmbeddingClassifier
from precompute.models.tower_loading import image_tower
from precompute.recipe import ImageTowerSettings

CLASSES = ["a", "b", "c"]


@pytest.fixture(scope="module")
def classifier() -> EmbeddingClassifier:
    """Of six features, the third tells the classes apart; class c has no train sample."""
    random = np.random.default_rng(0)
    labels = np.arange(80) % 2
    train = random.random((80, 6), dtype=np.float32)
    train[:, 2] += 2 * labels
    tensors = {
        "selected": torch.tensor([9, 8, 3, 40, 1, 0]),
        "train": torch.from_numpy(train),
        "labels": torch.from_numpy(labels),
        "prior": torch.tensor([0.5, 0.5, 0.0]),
    }
    return EmbeddingClassifier(CLASSES, image_tower(ImageTowerSettings(name="tiny"), 32, 0), tensors, 20, seed=1)


def test_the_feature_that_tells_the_classes_apart_is_ranked_first(classifier: EmbeddingClassifier) -> None:
    ranking = FeatureRanker(classifier).rank(classifier.train[1], 1, seed=3)
    assert ranking.indices[0] == 2
    assert sorted(ranking.indices) == list(range(6))
    assert ranking.weights[0] > 0
    assert (np.diff(np.abs(ranking.weights)) <= 0).all()


def test_a_ranking_does_not_depend_on_those_before_it(classifier: EmbeddingClassifier) -> None:
    """lime keeps one random state for all its calls."""
    alone = FeatureRanker(classifier).rank(classifier.train[1], 1, seed=3)
    ranker = FeatureRanker(classifier)
    ranker.rank(classifier.train[0], 0, seed=3)
    after = ranker.rank(classifier.train[1], 1, seed=3)
    np.testing.assert_array_equal(alone.weights, after.weights)
    assert not np.array_equal(alone.weights, ranker.rank(classifier.train[1], 1, seed=4).weights)


def test_the_forest_answers_as_the_model_and_knows_no_class_without_train_samples(
    classifier: EmbeddingClassifier,
) -> None:
    images = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    answer = classifier.predict(images, [[], [], []])
    assert answer.shape == (3, 3)
    torch.testing.assert_close(answer.sum(dim=1), torch.ones(3))
    assert not answer[:, 2].any()
    selected = classifier.embed_images(images)[:, classifier.selected].numpy()
    np.testing.assert_array_equal(classifier.forest_probabilities(selected), answer)
    crossed = classifier.fuse_crossed(classifier.embed_images(images), torch.zeros(2, 0), torch.tensor([True, False]))
    torch.testing.assert_close(crossed, answer[:, None].expand(3, 2, 3))


def test_without_a_picture_the_answer_is_the_prior(classifier: EmbeddingClassifier) -> None:
    answer = classifier.fuse(torch.zeros(1, 64), torch.zeros(1, 0), torch.tensor([[False, True]]))
    assert answer.tolist() == [[0.5, 0.5, 0.0]]
