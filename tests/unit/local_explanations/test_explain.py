"""Explaining one sample: which classes, consistent numbers, and odd samples."""

import numpy as np
import pytest
import torch

from db.records.written import ExplanationRecord
from precompute.local_explanations.explain import explain_sample, targets
from precompute.local_explanations.superpixels import segment
from precompute.models.protocol import Entry, Model
from precompute.recipe import ExplainSettings
from tests.small_models import SmallDualModel, SmallOpaqueModel

MILK = [Entry("Sour"), Entry("milk"), Entry("1,5%")]


def _picture(seed: int = 0, size: int = 64) -> np.ndarray:
    random = np.random.default_rng(seed)
    return np.kron(random.integers(0, 256, (8, 8, 3)), np.ones((size // 8, size // 8, 1))).astype(np.uint8)


def _explain(
    models: dict[str, Model] | None = None,
    *,
    picture: np.ndarray | None = None,
    entries: list[Entry] = MILK,
    readable: list[Entry] | None = None,
    label: str = "a",
    path: str = "test/a/1.jpg",
    **settings: object,
) -> dict[str, list[tuple[str, ExplanationRecord]]]:
    """By model the explained classes, each with its explanation."""
    wanted = ExplainSettings(**{"evaluations": 300, "segments": 20, **settings})
    picture = _picture() if picture is None else picture
    explained = explain_sample(
        models or {"dual": SmallDualModel()},
        path=path,
        label=label,
        picture=picture,
        label_map=segment(picture, wanted),
        entries=entries,
        readable=entries if readable is None else readable,
        settings=wanted,
        run_seed=0,
        batch_size=16,
        device=torch.device("cpu"),
    ).explanations
    for name, rows in explained.items():
        assert {(row.model, row.sample) for row in rows} == {(name, path)}
    return {name: [(row.explained_class, row) for row in rows] for name, rows in explained.items()}


@pytest.mark.parametrize(
    "probabilities, true, kinds",
    [
        ([0.7, 0.2, 0.1], 0, {0: "predicted", 1: "runner_up"}),
        ([0.7, 0.2, 0.1], 1, {0: "predicted", 1: "true"}),
        ([0.7, 0.2, 0.1], 2, {0: "predicted", 2: "true", 1: "runner_up"}),
        ([1.0], 0, {0: "predicted"}),
    ],
)
def test_explained_classes(probabilities: list[float], true: int, kinds: dict[int, str]) -> None:
    assert {target.index: target.kind for target in targets(np.array(probabilities), true)} == kinds


@pytest.mark.parametrize("sampler", ["lime", "balanced"])
def test_numbers_of_an_explanation_fit_together(sampler: str) -> None:
    model = SmallDualModel()
    picture = _picture()
    image = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
    for label, row in _explain({"dual": model}, picture=picture, sampler=sampler)["dual"]:
        index = model.classes.index(label)
        assert row.surrogate_prediction == pytest.approx(
            row.intercept + row.image_weights.sum() + row.text_weights.sum(), abs=1e-5
        )
        assert row.probability == pytest.approx(float(model.predict(image, [MILK])[0, index]), abs=1e-6)
        assert row.probability_without_text == pytest.approx(float(model.predict(image, [[]])[0, index]), abs=1e-6)
        assert row.probability_without_image == pytest.approx(
            float(model.predict(torch.zeros_like(image), [MILK])[0, index]), abs=1e-6
        )


def test_models_explained_together_get_the_numbers_that_they_get_alone() -> None:
    models: dict[str, Model] = {"dual": SmallDualModel(seed=1), "opaque": SmallOpaqueModel(seed=2)}
    together = _explain(models)
    for name, model in models.items():
        for (_, ours), (_, alone) in zip(together[name], _explain({name: model})[name], strict=True):
            assert np.array_equal(ours.image_weights, alone.image_weights)
            assert np.array_equal(ours.text_weights, alone.text_weights)


def test_the_seed_is_of_the_run_and_the_sample_alone() -> None:
    (_, first), *_ = _explain()["dual"]
    (_, again), *_ = _explain()["dual"]
    (_, other), *_ = _explain(path="test/a/2.jpg")["dual"]
    assert first.seed == again.seed != other.seed


def test_a_word_that_decides_has_the_greatest_text_weight() -> None:
    model = SmallDualModel()
    model._text[:] = 0
    model._text[0, 0] = 4.0
    row = dict(_explain({"dual": model}, label="a")["dual"])["a"]
    assert row.text_weights.argmax() == 1


@pytest.mark.parametrize(
    "odd",
    [
        {"entries": []},
        {"entries": [Entry("milk")]},
        {"entries": [Entry("milk"), Entry("milk")]},
        {"picture": np.zeros((64, 64, 3), dtype=np.uint8)},
        {"picture": np.zeros((64, 64, 3), dtype=np.uint8), "entries": []},
        {"picture": np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8), "segments": 330},
        {"entries": [Entry(f"word{number}") for number in range(400)]},
        {"fill": "mean"},
    ],
    ids=[
        "no text",
        "one entry",
        "a word twice",
        "black",
        "black without text",
        "300 superpixels",
        "400 entries",
        "mean",
    ],
)
@pytest.mark.parametrize("sampler", ["lime", "balanced"])
def test_odd_samples_are_explained(odd: dict[str, object], sampler: str) -> None:
    for name, model in {"dual": SmallDualModel(), "opaque": SmallOpaqueModel()}.items():
        for _, row in _explain({name: model}, sampler=sampler, **odd)[name]:
            numbers = [row.intercept, row.r2, row.probability, row.surrogate_prediction, *row.image_weights]
            assert np.isfinite([*numbers, *row.text_weights]).all()
            assert len(row.text_weights) == len(odd.get("entries", MILK))


def test_entries_that_the_model_never_reads_weigh_nothing() -> None:
    (_, row), *_ = _explain(readable=MILK[:2])["dual"]
    assert len(row.text_weights) == 3
    assert row.text_weights[2] == 0
    assert row.text_weights[1] != 0


def test_share_is_undefined_where_nothing_weighs() -> None:
    model = SmallDualModel()
    model._image[:] = 0
    model._text[:] = 0
    (_, row), *_ = _explain({"dual": model})["dual"]
    assert np.abs(row.image_weights).max() < 1e-9
    assert row.image_share is None or np.abs(row.image_weights).sum() > 0


def test_balanced_weights_have_errors_and_agree_with_limes() -> None:
    reference = dict(_explain(evaluations=4000)["dual"])
    balanced = dict(_explain(evaluations=600, sampler="balanced")["dual"])
    for label, row in balanced.items():
        weights = np.concatenate([row.image_weights, row.text_weights])
        errors = np.concatenate([row.image_errors, row.text_errors])
        expected = np.concatenate([reference[label].image_weights, reference[label].text_weights])
        assert (errors > 0).all()
        assert np.corrcoef(weights, expected)[0, 1] > 0.98


def test_a_certain_order_takes_fewer_evaluations_and_an_uncertain_one_takes_all() -> None:
    model = SmallDualModel()
    model._image[:8] *= 8  # the uppermost superpixels decide
    everything = dict(_explain({"dual": model}, evaluations=600)["dual"])
    settled, unsettled = (
        dict(_explain({"dual": model}, evaluations=600, certainty=level, certain_top=1)["dual"]) for level in (0.5, 1.0)
    )
    for label, row in everything.items():
        assert settled[label].image_evaluations < unsettled[label].image_evaluations == row.image_evaluations
        assert np.array_equal(unsettled[label].image_weights, row.image_weights)
        assert settled[label].image_weights.argmax() == row.image_weights.argmax()
        assert (settled[label].image_errors > 0).all()
