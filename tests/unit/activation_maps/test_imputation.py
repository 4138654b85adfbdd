"""Imputed vectors equal P2's Table 1 feature by feature; derivatives of the cosine equal autograd's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from precompute.activation_maps.imputation import (
    cosine_cotangents,
    impute_selected,
    impute_toz,
    impute_trr,
    impute_tzz,
)
from precompute.activation_maps.scalars import class_scalars, forecast_scalars, numbers_of_features

EMBEDDING = torch.tensor([0.5, 1.5, 0.0, 2.0, 0.25, 3.0])
RANKED = [3, 1, 4]
RANDOM = torch.tensor([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])


def _plain(strategy: str, top: list[int]) -> list[float]:
    """P2 Table 1, one feature after the other."""
    vector = []
    for feature, true in enumerate(EMBEDDING.tolist()):
        if feature in top:
            vector.append(true)
        elif feature in RANKED:
            vector.append({"TZZ": 0.0, "TOZ": 1.0, "TRR": RANDOM[feature].item(), "selected": true}[strategy])
        else:
            vector.append(RANDOM[feature].item() if strategy == "TRR" else 0.0)
    return vector


@pytest.mark.parametrize("n", [1, 2, 3])
def test_each_strategy_gives_the_values_of_the_papers_table(n: int) -> None:
    top, others = RANKED[:n], RANKED[n:]
    assert impute_tzz(EMBEDDING, top, others).tolist() == _plain("TZZ", top)
    assert impute_toz(EMBEDDING, top, others).tolist() == _plain("TOZ", top)
    assert impute_trr(EMBEDDING, top, RANDOM).tolist() == _plain("TRR", top)
    assert impute_selected(EMBEDDING, RANKED).tolist() == _plain("selected", RANKED)


def test_the_derivative_of_the_cosine_equals_autograds() -> None:
    for vector in (RANDOM, EMBEDDING.flip(0), -RANDOM):
        e = EMBEDDING.clone().requires_grad_()
        (expected,) = torch.autograd.grad(torch.cosine_similarity(e, vector, dim=0), e)
        torch.testing.assert_close(cosine_cotangents(EMBEDDING, vector), expected, atol=1e-6, rtol=1e-5)


def test_a_zero_vector_or_embedding_asks_for_nothing() -> None:
    zero = torch.zeros(6)
    assert not cosine_cotangents(EMBEDDING, zero).any()
    assert torch.isfinite(cosine_cotangents(zero, zero)).all()


def test_a_forecast_asks_for_every_strategy_and_number() -> None:
    found = forecast_scalars(EMBEDDING, RANKED, (1, 3, 5), seed=1)
    names = [(one.strategy, one.top) for one in found.scalars]
    assert names == [*((s, n) for s in ("TZZ", "TOZ", "TRR") for n in (1, 3)), ("selected", 0), ("image", 0)]
    assert found.cotangents.shape == (8, 6)
    cosines = {name: one.cosine for name, one in zip(names, found.scalars, strict=True)}
    kept = np.array(_plain("TZZ", RANKED[:1]))
    e = EMBEDDING.double().numpy()
    assert cosines["TZZ", 1] == pytest.approx(kept @ e / np.linalg.norm(kept) / np.linalg.norm(e))
    assert cosines["TZZ", 3] == pytest.approx(cosines["selected", 0])
    assert cosines["image", 0] == pytest.approx(1)


def test_random_values_depend_on_the_seed_alone() -> None:
    first, again, other = (forecast_scalars(EMBEDDING, RANKED, (1,), seed=seed).cotangents[2] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_vector_may_come_from_another_sample() -> None:
    other = EMBEDDING.roll(2)
    found = forecast_scalars(EMBEDDING, RANKED, (3,), seed=1, source=other)
    by_strategy = {one.strategy: one.cosine for one in found.scalars}
    assert by_strategy["TZZ"] == pytest.approx(
        float(torch.cosine_similarity(EMBEDDING, impute_tzz(other, RANKED, []), dim=0))
    )
    assert by_strategy["image"] == pytest.approx(float(torch.cosine_similarity(EMBEDDING, other, dim=0)))
    torch.testing.assert_close(found.cotangents[-1], cosine_cotangents(EMBEDDING, other))


def test_features_of_a_class_are_asked_for_with_zeros_elsewhere() -> None:
    found = class_scalars(EMBEDDING, [5, 3, 1], (1, 2))
    assert [(one.target, one.strategy, one.top) for one in found.scalars] == [("class", "TZZ", 1), ("class", "TZZ", 2)]
    torch.testing.assert_close(found.cotangents[0], cosine_cotangents(EMBEDDING, impute_tzz(EMBEDDING, [5], [])))


@pytest.mark.parametrize(("selected", "expected"), [(28, [1, 3, 13]), (3, [1, 3]), (1, [1])])
def test_only_as_many_features_are_kept_as_are_selected(selected: int, expected: list[int]) -> None:
    assert numbers_of_features((13, 3, 1), selected) == expected
    assert numbers_of_features((13, 5), 3) == [3]
