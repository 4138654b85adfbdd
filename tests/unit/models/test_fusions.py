"""The five heads: what they compute, and what they do where a modality is missing."""

import numpy as np
import pytest
import torch
from torch import Tensor

from precompute.models.fusions import (
    HEADS,
    EmbraceNet,
    FeatureConcatenation,
    Head,
    HeadShape,
    ImageHead,
    ScoreFusion,
    TextHead,
    modality_probabilities,
    scaled,
)

SHAPE = HeadShape(image=6, text=4, hidden=16, classes=3, dropout=0.0)
PRIOR = torch.tensor([0.5, 0.3, 0.2])
FUSIONS = ("feature_concatenation", "score_fusion", "embracenet")


def head(kind: str, shape: HeadShape = SHAPE, prior: Tensor = PRIOR) -> Head:
    torch.manual_seed(3)
    return HEADS[kind](shape, prior).eval()  # type: ignore[index]


def embeddings(count: int = 5) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, 6, generator=generator), torch.randn(count, 4, generator=generator)


def available(count: int, image: bool = True, text: bool = True) -> Tensor:
    return torch.tensor([[image, text]] * count)


@pytest.mark.parametrize("kind", HEADS)
def test_probabilities_sum_to_one_whatever_is_available(kind: str) -> None:
    image, text = embeddings(4)
    mixed = torch.tensor([[True, True], [True, False], [False, True], [False, False]])
    probabilities = head(kind).probabilities(image, text, mixed)
    assert probabilities.shape == (4, 3)
    assert torch.allclose(probabilities.sum(dim=1), torch.ones(4))


@pytest.mark.parametrize("kind", HEADS)
def test_neither_modality_gives_the_prior_even_of_a_class_without_samples(kind: str) -> None:
    image, text = embeddings()
    prior = torch.tensor([0.75, 0.25, 0.0])
    answer = head(kind, prior=prior).probabilities(image, text, available(5, False, False))
    assert torch.equal(answer, prior.expand(5, 3))


@pytest.mark.parametrize("kind", HEADS)
def test_crossing_equals_fusing_every_pair(kind: str) -> None:
    (image, _), (_, text) = embeddings(7), embeddings(4)
    has_text = torch.tensor([True, False, True, True])
    text[1] = 0
    model = head(kind)
    crossed = model.crossed(image, text, has_text)
    assert crossed.shape == (7, 4, 3)
    for row in range(7):
        both = torch.stack([torch.ones(4, dtype=torch.bool), has_text], dim=1)
        fused = model.probabilities(image[row].expand(4, 6), text, both)
        assert torch.allclose(crossed[row], fused, atol=1e-6)


def test_text_model_without_text_gives_the_prior_and_never_looks_at_pictures() -> None:
    image, text = embeddings()
    model = head("text")
    assert torch.equal(model.probabilities(image, text, available(5, text=False)), PRIOR.expand(5, 3))
    answers = [model.probabilities(picture, text, available(5)) for picture in (image, torch.zeros(5, 0))]
    assert torch.equal(*answers)


def test_image_model_never_looks_at_texts() -> None:
    image, text = embeddings()
    model = head("image")
    with_text = model.probabilities(image, text, available(5))
    assert torch.equal(with_text, model.probabilities(image, torch.zeros(5, 0), available(5, text=False)))
    assert torch.equal(model.probabilities(image, text, available(5, image=False)), PRIOR.expand(5, 3))


@pytest.mark.parametrize("kind", FUSIONS)
def test_an_unavailable_text_may_hold_anything(kind: str) -> None:
    image, text = embeddings()
    model = head(kind)
    answers = [model.probabilities(image, other, available(5, text=False)) for other in (text, torch.zeros(5, 4))]
    assert torch.allclose(*answers)


@pytest.mark.parametrize("kind", FUSIONS)
def test_fusions_read_both_modalities(kind: str) -> None:
    image, text = embeddings()
    model = head(kind)
    answer = model.probabilities(image, text, available(5))
    assert not torch.allclose(answer, model.probabilities(image.flip(0), text, available(5)))
    assert not torch.allclose(answer, model.probabilities(image, text.flip(0), available(5)))


def test_concatenation_equals_its_reference_implementation() -> None:
    image, text = embeddings()
    model = head("feature_concatenation")
    assert isinstance(model, FeatureConcatenation)
    first, last = model.layers[1], model.layers[4]
    for row in range(5):
        joined = np.concatenate([_unit_rms(image[row].numpy()), _unit_rms(text[row].numpy())])
        hidden = np.maximum(first.weight.detach().numpy() @ joined + first.bias.detach().numpy(), 0)
        logits = last.weight.detach().numpy() @ hidden + last.bias.detach().numpy()
        expected = np.exp(logits) / np.exp(logits).sum()
        answer = model.probabilities(image, text, available(5))[row].numpy()
        np.testing.assert_allclose(answer, expected, rtol=1e-5)


def _unit_rms(vector: np.ndarray) -> np.ndarray:
    return vector / np.sqrt((vector**2).mean())


def test_score_fusion_starts_as_the_mean_of_the_two_unimodal_logits() -> None:
    image, text = embeddings()
    model = head("score_fusion")
    assert isinstance(model, ScoreFusion)
    both = available(5)
    mean = (model.image_head(image, text, both) + model.text_head(image, text, both)) / 2
    assert torch.allclose(model.probabilities(image, text, both), mean.softmax(dim=1))


def test_score_fusion_replaces_an_unavailable_score_by_the_prior() -> None:
    image, text = embeddings()
    model = head("score_fusion")
    assert isinstance(model, ScoreFusion)
    missing = available(5, text=False)
    expected = (model.image_head(image, text, missing) + PRIOR.log()) / 2
    assert torch.allclose(model.probabilities(image, text, missing), expected.softmax(dim=1))


def test_modality_probabilities_are_renormalised_over_what_is_there() -> None:
    mixed = torch.tensor([[True, True], [True, False], [False, True], [False, False]])
    expected = torch.tensor([[0.5, 0.5], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    assert torch.equal(modality_probabilities(mixed), expected)


def test_embraced_vector_is_the_mean_of_many_draws() -> None:
    image, text = embeddings(3)
    model = head("embracenet")
    assert isinstance(model, EmbraceNet)
    mixed = torch.tensor([[True, True], [True, False], [False, True]])
    with torch.no_grad():
        expectation = model.embrace(image, text, mixed)
        model.train()
        torch.manual_seed(0)
        draws = torch.stack([model.embrace(image, text, mixed) for _ in range(4000)])
    error = draws.std(dim=0) / 4000**0.5
    assert ((draws.mean(dim=0) - expectation).abs() <= 4.5 * error + 1e-6).all()
    assert (draws[:, 0].std(dim=0) > 0).any()  # both there: truly drawn
    assert torch.equal(draws[0, 1:], draws[1, 1:])  # one there: nothing to draw


def test_embracenet_gives_the_same_answer_every_time() -> None:
    image, text = embeddings()
    model = head("embracenet")
    answers = [model.probabilities(image, text, available(5)) for _ in range(2)]
    assert torch.equal(*answers)


def test_hidden_layer_of_the_image_model_is_what_its_output_layer_reads() -> None:
    image, text = embeddings()
    model = head("image")
    assert isinstance(model, ImageHead)
    hidden = model.hidden(image)
    assert hidden.shape == (5, 16)
    assert (hidden >= 0).all()
    expected = model.output(hidden).softmax(dim=1)
    assert torch.allclose(model.probabilities(image, text, available(5)), expected)


def test_scaled_rows_have_a_root_mean_square_of_one_and_zero_stays_zero() -> None:
    rows = torch.cat([embeddings()[0] * 100, torch.zeros(1, 6)])
    squares = scaled(rows).pow(2).mean(dim=1)
    assert torch.allclose(squares, torch.tensor([1.0, 1, 1, 1, 1, 0]))


def test_dropout_is_for_training_only() -> None:
    image, text = embeddings()
    model = TextHead(HeadShape(6, 4, 16, 3, dropout=0.5), PRIOR)
    assert not torch.equal(model.train()(image, text, available(5)), model(image, text, available(5)))
    assert torch.equal(model.eval()(image, text, available(5)), model(image, text, available(5)))
