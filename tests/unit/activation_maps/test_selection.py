"""Features that tell classes apart are selected; odd data is named in a line and the rest goes on."""

from __future__ import annotations

import numpy as np
import pytest

from db.errors import UserError
from precompute.activation_maps.selection import select_features

CLASSES = ["a", "b", "c"]


def _data(rows: int = 60, width: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Features 4 and 7 follow the class, the others are noise."""
    random = np.random.default_rng(0)
    labels = np.arange(rows) % 3
    embeddings = random.random((rows, width), dtype=np.float32)
    embeddings[:, 4] += 2 * labels
    embeddings[:, 7] -= 3 * labels
    return embeddings, labels


def test_the_informative_features_come_first_and_their_number_is_the_root_of_the_samples(
    capsys: pytest.CaptureFixture[str],
) -> None:
    selected = select_features(*_data(), CLASSES, None, seed=0)
    assert len(selected) == round(60**0.5)
    assert set(selected[:2].tolist()) == {4, 7}
    assert capsys.readouterr().err == ""
    np.testing.assert_array_equal(selected, select_features(*_data(), CLASSES, None, seed=0))


def test_more_features_than_the_embedding_has_are_all_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    selected = select_features(*_data(), CLASSES, 50, seed=0)
    assert sorted(selected.tolist()) == list(range(20))
    assert capsys.readouterr().err == (
        "embedding: 50 features wanted, but the embedding has 20 values: all are taken\n"
    )


def test_a_constant_feature_is_never_selected(capsys: pytest.CaptureFixture[str]) -> None:
    embeddings, labels = _data()
    embeddings[:, 3] = 0.5
    selected = select_features(embeddings, labels, CLASSES, 20, seed=0)
    assert 3 not in selected
    assert len(selected) == 19
    assert capsys.readouterr().err == ("embedding: 1 of 20 values are the same in every picture; none is selected\n")


def test_a_class_with_one_sample_is_named_and_the_others_select(capsys: pytest.CaptureFixture[str]) -> None:
    embeddings, labels = _data()
    labels = np.where(np.arange(60) == 59, 2, labels % 2)
    assert len(select_features(embeddings, labels, CLASSES, 3, seed=0)) == 3
    assert capsys.readouterr().err.startswith("embedding: class c has one train sample")


def test_nothing_to_select_from_is_one_clear_line() -> None:
    embeddings, labels = _data(3)
    with pytest.raises(UserError, match="no class has two train samples"):
        select_features(embeddings, labels, CLASSES, None, seed=0)
    with pytest.raises(UserError, match="no value varies"):
        select_features(np.ones((60, 20), np.float32), np.arange(60) % 3, CLASSES, None, seed=0)
