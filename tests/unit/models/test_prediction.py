"""Predictions of several models at once."""

import pytest
import torch

from db.errors import UserError
from precompute.models.dual_stream import TowersAndHead, availability
from precompute.models.fusions import HEADS, HeadShape
from precompute.models.prediction import predict_all
from precompute.models.protocol import DualStreamModel, Entry
from precompute.models.tower_loading import image_tower, text_tower
from precompute.recipe import ImageTowerSettings, TextTowerSettings
from tests.small_models import SmallDualModel, SmallOpaqueModel

CLASSES = ["a", "b", "c"]
IMAGES = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
ENTRIES = [[Entry("MJÖLK"), Entry("1,5%")], [], [Entry("HAVRE")]]


def built_in() -> dict[str, TowersAndHead]:
    image = image_tower(ImageTowerSettings(name="tiny"), 32, 0)
    text = text_tower(TextTowerSettings(name="tiny", max_tokens=32), ["MJÖLK 1,5%", "HAVRE"] * 3, 0)
    prior = torch.tensor([0.6, 0.3, 0.1])
    models = {}
    for kind, head in HEADS.items():
        mine, theirs = (image if kind != "text" else None), (text if kind != "image" else None)
        shape = HeadShape(image.width if mine else 0, text.width if theirs else 0, 8, 3, 0.0)
        if kind == "score_fusion":
            shape = HeadShape(image.width, text.width, 8, 3, 0.0)
        models[kind] = TowersAndHead(CLASSES, head(shape, prior), mine, theirs)
    return models


def test_all_built_in_models_keep_the_dual_stream_protocol() -> None:
    for model in built_in().values():
        assert isinstance(model, DualStreamModel)
        probabilities = model.predict(IMAGES, ENTRIES)
        assert probabilities.shape == (3, 3)
        assert probabilities.dtype == torch.float32
        assert torch.allclose(probabilities.sum(dim=1), torch.ones(3))


def test_together_each_model_says_what_it_says_alone() -> None:
    models = {**built_in(), "own": SmallDualModel(), "opaque": SmallOpaqueModel()}
    together = predict_all(models, IMAGES, ENTRIES)
    assert list(together) == list(models)
    for name, model in models.items():
        assert torch.equal(together[name], model.predict(IMAGES, ENTRIES))


def test_a_shared_tower_is_asked_once() -> None:
    first, second, other = SmallDualModel(seed=1), SmallDualModel(seed=2), SmallDualModel(seed=3)
    second.image_tower = second.text_tower = first
    predict_all({"first": first, "second": second, "other": other}, IMAGES, ENTRIES)
    assert [model.images_embedded for model in (first, second, other)] == [3, 0, 3]
    assert [model.texts_embedded for model in (first, second, other)] == [3, 0, 3]


def test_the_text_model_costs_no_picture_and_says_the_prior_where_there_is_no_text() -> None:
    model = built_in()["text"]
    assert model.image_tower is None
    assert model.embed_images(IMAGES).shape == (3, 0)
    assert torch.equal(model.predict(IMAGES, ENTRIES)[1], torch.tensor([0.6, 0.3, 0.1]))


def test_a_text_of_blanks_is_unavailable() -> None:
    answer = availability(3, [[Entry("a")], [], [Entry("  ")]])
    assert answer.tolist() == [[True, True], [True, False], [True, False]]


def test_hidden_layer_is_the_image_models_alone() -> None:
    models = built_in()
    image = models["image"]
    assert image.hidden(image.embed_images(IMAGES)).shape == (3, 8)
    for kind in ("text", "score_fusion"):
        try:
            models[kind].hidden(IMAGES)
        except TypeError:
            continue
        raise AssertionError(kind)


def test_a_model_that_gives_nan_is_named() -> None:
    models = built_in()
    with torch.no_grad():
        next(models["text"].head.parameters()).fill_(torch.nan)
    with pytest.raises(UserError, match=r"model text: gives NaN .* training\.learning_rate"):
        predict_all(models, IMAGES, ENTRIES)
