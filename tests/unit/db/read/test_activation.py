"""The reader gives forecasts, maps and what was measured of them; combined maps are made when read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from db import session
from db.commands.check import faults
from db.definitions.activation_maps import combine_maps
from db.read.reader import Reader
from db.records.activation import MapSetting
from tests.example_activation import NAME, SELECTED, STRATEGIES

SAMPLE = "test/Arla-Mjölk/x_000.jpg"


@pytest.fixture(scope="module")
def reader(embedding_file: Path) -> Reader:
    return Reader(session.open_read_only(f"sqlite:///{embedding_file}"))


def test_a_combined_map_is_the_mean_of_the_stages_at_the_size_of_the_first() -> None:
    random = np.random.default_rng(0)
    maps = [random.random((side, side), dtype=np.float32) for side in (16, 8, 4, 2)]
    sized = [
        torch.nn.functional.interpolate(torch.from_numpy(one)[None, None], size=(16, 16), mode="bilinear")
        for one in maps
    ]
    np.testing.assert_allclose(combine_maps(maps), torch.cat(sized).mean(dim=(0, 1)), atol=1e-6)


def test_the_example_with_an_embedding_classifier_is_sound(embedding_file: Path) -> None:
    assert list(faults(session.open_read_only(f"sqlite:///{embedding_file}"))) == []


def test_a_forecast_has_all_probabilities_and_its_features_by_falling_weight(reader: Reader) -> None:
    found = reader.embedding.forecast(NAME, SAMPLE)
    assert found is not None
    assert (found.label, found.predicted) == ("Arla-Mjölk", "Arla-Mjölk")
    assert found.probabilities[0].label == found.predicted
    assert found.probability == pytest.approx(0.7)
    assert sum(one.probability for one in found.probabilities) == pytest.approx(1)
    weights = [abs(one.weight) for one in found.features]
    assert weights == sorted(weights, reverse=True)
    assert {one.feature for one in found.features} == set(SELECTED)
    assert [(one.strategy, one.top) for one in found.similarities] == STRATEGIES
    assert reader.embedding.forecast(NAME, "test/none.jpg") is None
    assert reader.embedding.forecast("score_fusion", SAMPLE) is None


def test_a_map_is_read_by_its_setting(reader: Reader) -> None:
    settings = reader.activation.settings(NAME, SAMPLE)
    assert len(settings) == len(set(settings)) == (len(STRATEGIES) + 5) * 2 * 5
    for setting in settings:
        view = reader.activation.map(NAME, SAMPLE, setting)
        assert view is not None
        assert view.setting == setting
        assert view.values.min() >= 0
        assert view.values.max() <= 1
    assert reader.activation.map(NAME, SAMPLE, MapSetting("forecast", "TZZ", "layer-cam", 1, 5)) is None


def test_an_empty_map_counts_as_zero_in_the_combined_one(reader: Reader) -> None:
    of_one = {one.setting.stage: one for one in reader.activation.maps(NAME, SAMPLE, "forecast", "grad-cam", 1, "TZZ")}
    assert [of_one[stage].empty for stage in (1, 2, 3, 4, "combined")] == [False, False, True, True, False]
    assert not of_one[3].values.any()
    expected = combine_maps([of_one[stage].values for stage in (1, 2, 3, 4)])
    np.testing.assert_array_equal(of_one["combined"].values, expected)


def test_the_maps_of_a_number_of_features_come_with_those_that_take_none(reader: Reader) -> None:
    found = reader.activation.maps(NAME, SAMPLE, "forecast", "grad-cam", 5)
    expected = [s for s in STRATEGIES if s[1] in (5, 0)]
    assert [(one.setting.strategy, one.setting.top) for one in found if one.setting.stage == 1] == expected
    assert len(found) == 5 * len(expected)


def test_a_fusion_model_has_maps_of_its_probability(reader: Reader) -> None:
    stages = [
        one.setting.stage for one in reader.activation.maps("feature_concatenation", SAMPLE, "predicted", "grad-cam", 0)
    ]
    assert stages == [1, 2, 3, 4, "combined"]
    assert reader.embedding.forecast("feature_concatenation", SAMPLE) is None


def test_similarities_come_by_class_all_classes_first(reader: Reader) -> None:
    found = reader.embedding.similarities(NAME)
    assert [one.label for one in found[: len(STRATEGIES)]] == [None] * len(STRATEGIES)
    (one,) = [s for s in reader.embedding.similarities(NAME, "Zeta-Juice") if (s.strategy, s.top) == ("TZZ", 13)]
    assert (one.mean, one.sd, one.samples) == (pytest.approx(0.18), 0.02, 3)


def test_the_auc_comes_by_class_and_number_of_features(reader: Reader) -> None:
    found = reader.embedding.auc(NAME)
    assert found is not None
    assert (found.auc, found.features, found.by_class["Zeta-Juice"]) == (0.94, 28, 0.94)
    assert [n for n, _ in found.tops] == [1, 3, 5, 7, 13]
    assert reader.embedding.auc("score_fusion") is None


def test_the_features_of_a_class_come_with_the_places_where_they_fire(reader: Reader) -> None:
    found = reader.embedding.class_features(NAME, "Zeta-Juice")
    assert [(one.rank, one.samples, one.forecasts) for one in found] == [(1, 3, 3), (2, 2, 3), (3, 1, 3)]
    assert found[0].places[0].sample == "test/Zeta-Juice/x_000.jpg"
    assert found[0].places[0].split == "test"


def test_localisation_marks_the_setting_that_was_chosen(reader: Reader) -> None:
    found = reader.activation.localisation(NAME)
    chosen = {(one.split, one.label): one for one in found if one.chosen}
    assert len(chosen) == 2 * 4
    best = chosen["test", None]
    assert (best.variant, best.strategy, best.stage, best.top) == ("hires-cam", "TZZ", 2, 5)
    assert (best.energy.value, best.energy.chance) == (0.45, 0.1)
    lime = [one for one in found if one.variant == "lime"]
    assert len(lime) == 2 * 4
    assert {(one.strategy, one.stage) for one in lime} == {(None, None)}
    assert {one.label for one in reader.activation.localisation(NAME, "Zeta-Juice")} == {"Zeta-Juice"}
