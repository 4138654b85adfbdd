"""The activation stage and its evaluation on a small data set with masks: what is stored."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from db.commands.check import faults
from db.definitions.activation_maps import STAGES, combine_maps
from db.records.activation import MapSetting
from db.session import open_read_only
from precompute.activation_maps.batch import staged
from precompute.evaluation.localisation_report import localisation_table
from precompute.models.tower_loading import image_tower
from precompute.models.towers import ImageBackbone
from precompute.recipe import ImageTowerSettings
from tests.decoded import load_picture
from tests.integration.activation_maps.place import CLASSES, SIZE, TEST, Place


def test_every_test_sample_has_a_forecast_and_maps_of_both_models(place: Place) -> None:
    reader = place.reader()
    for label in CLASSES:
        for sample in reader.samples.of_class(label, "forest", "test"):
            forecast = reader.embedding.forecast("forest", sample.path)
            assert forecast is not None
            assert (forecast.predicted, forecast.probability) == (sample.predicted, pytest.approx(sample.probability))
            assert len(forecast.features) == 6
            settings = reader.activation.settings("forest", sample.path)
            # TZZ, TOZ and TRR with 1 and 5 of 6 features, selected, image; TZZ of the class's features
            assert len(settings) == (3 * 2 + 2 + 2) * 2 * 5
            of_fusion = reader.activation.settings("feature_concatenation", sample.path)
            assert {one.strategy for one in of_fusion} == {"probability"}
            targets = {one.kind for one in reader.explanations.of("feature_concatenation", sample.path)}
            assert {one.target for one in of_fusion} == targets
    assert list(faults(open_read_only(place.url))) == []


def test_a_stored_map_is_what_plain_autograd_gives(place: Place) -> None:
    from transformers import AutoModel

    reader, settings = place.reader(), ImageTowerSettings()
    backbone = ImageBackbone(AutoModel.from_pretrained(place.image), settings.mean, settings.std).eval()
    path = "test/red/red_0.png"
    forecast = reader.embedding.forecast("forest", path)
    assert forecast is not None
    picture = torch.from_numpy(load_picture(place.data / path, SIZE).copy()).permute(2, 0, 1)[None].float() / 255
    answer = backbone.model(pixel_values=(picture - backbone.mean) / backbone.std, output_hidden_states=True)
    stage = answer.hidden_states[3]  # after the embedder: stages 1, 2 and 3
    embedding = answer.last_hidden_state.mean(dim=(2, 3))[0]
    for one in forecast.features:
        assert one.value == pytest.approx(embedding[one.feature].item(), abs=1e-5)
        height, width = answer.last_hidden_state.shape[2:]
        y, x = divmod(int(answer.last_hidden_state[0, one.feature].argmax()), width)
        assert one.box == (x / width, y / height, (x + 1) / width, (y + 1) / height)
    kept = [one.feature for one in forecast.features[:5]]
    v = torch.zeros_like(embedding).detach()
    v[kept] = embedding.detach()[kept]
    cosine = torch.cosine_similarity(embedding, v, dim=0)
    similarity = next(one for one in forecast.similarities if (one.strategy, one.top) == ("TZZ", 5))
    assert similarity.cosine == pytest.approx(cosine.item(), abs=1e-5)
    (gradient,) = torch.autograd.grad(cosine, stage)
    expected = (gradient.mean(dim=(2, 3))[0, :, None, None] * stage[0]).sum(dim=0).relu().detach().numpy()
    view = reader.activation.map("forest", path, MapSetting("forecast", "TZZ", "grad-cam", 3, 5))
    assert view is not None
    assert view.maximum == pytest.approx(float(expected.max()), rel=1e-3)
    np.testing.assert_allclose(view.values * view.maximum, expected, atol=2e-3 * expected.max())


def test_the_figures_of_the_classes_are_stored(place: Place) -> None:
    reader = place.reader()
    auc = reader.embedding.auc("forest")
    assert auc is not None
    assert auc.features == 6
    assert [n for n, _ in auc.tops] == [1, 5, 6]
    assert auc.tops[-1][1] == pytest.approx(auc.auc), "all features: the forest itself"
    by_hand = [
        next(
            s.cosine
            for s in reader.embedding.forecast("forest", one.path).similarities
            if (s.strategy, s.top) == ("TOZ", 5)
        )
        for one in reader.samples.of_class("red", "forest", "test")
    ]
    (view,) = [s for s in reader.embedding.similarities("forest", "red") if (s.strategy, s.top) == ("TOZ", 5)]
    assert (view.mean, view.sd, view.samples) == (pytest.approx(np.mean(by_hand)), pytest.approx(np.std(by_hand)), 3)
    predicted = {s.predicted for label in CLASSES for s in reader.samples.of_class(label, "forest", "test")}
    for label in predicted:
        assert reader.embedding.class_features("forest", str(label))[0].places


def test_localisation_measures_all_variants_and_lime_and_chooses_on_train_masks(place: Place) -> None:
    found = place.reader().activation.localisation("forest")
    assert {one.label for one in found} == {None, "blue", "red"}
    test = [one for one in found if one.split == "test" and one.label is None]
    assert {one.samples for one in test} == {2 * TEST - 1}, "one mask is missing, those of plain mark nothing"
    assert len({one.variant for one in test}) == 6
    assert {one.stage for one in test if one.variant != "lime"} == {*STAGES, "combined"}
    assert sum(one.chosen for one in test) == 1
    train = [one for one in found if one.split == "train" and one.label is None]
    best = max(train, key=lambda one: one.energy.value)
    assert best.energy.value == next(one for one in train if one.chosen).energy.value
    for one in found:
        for measure in (one.pointing_0, one.pointing_15, one.energy):
            assert 0 <= measure.low <= measure.value <= measure.high <= 1
        assert one.pointing_15.value >= one.pointing_0.value
    of_fusion = place.reader().activation.localisation("feature_concatenation")
    assert {one.target for one in of_fusion if one.variant != "lime"} == {"predicted"}
    table = localisation_table(open_read_only(place.url))
    assert "LIME superpixels" in table
    assert "red (2), chance" in table


def test_the_energy_of_a_stored_map_is_the_measured_one(place: Place) -> None:
    reader, shares = place.reader(), []
    for one in reader.samples.of_class("red", "forest", "test")[:2]:
        maps = reader.activation.maps("forest", one.path, "forecast", "grad-cam", 5, "TRR")
        combined = combine_maps([view.values for view in maps if view.setting.stage in STAGES])
        mask = np.asarray(Image.open(place.data / "masks" / one.path)) >= 128
        pixels = np.kron(combined, np.ones((3, 4)))
        shares.append(pixels[mask].sum() / pixels.sum())
    (view,) = [
        row
        for row in reader.activation.localisation("forest", "red")
        if (row.split, row.variant, row.target, row.strategy, row.stage, row.top)
        == ("test", "grad-cam", "forecast", "TRR", "combined", 5)
    ]
    assert view.energy.value == pytest.approx(np.mean(shares), abs=1e-3)


def test_a_tower_goes_to_where_the_pictures_are(place: Place) -> None:
    tower = image_tower(ImageTowerSettings(name=str(place.image)), SIZE, 0)
    forward = staged(tower, torch.zeros(1, 3, SIZE, SIZE, device="meta"), "resnet")
    assert {tensor.device.type for tensor in (*forward.stages, forward.embeddings)} == {"meta"}
