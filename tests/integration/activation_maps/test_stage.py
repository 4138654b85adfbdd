"""The activation stage and its evaluation on a small data set with masks: what is stored, resumed, skipped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from copy import copy
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from transformers import ViTConfig, ViTModel

from db.commands.check import faults
from db.definitions.activation_maps import STAGES, combine_maps
from db.errors import UserError
from db.read.reader import Reader
from db.records.activation import MapSetting
from db.schema.tables import ActivationMap, EmbeddingForecast, Evaluation, Mask, Model, Prediction, WorkUnit
from db.session import create, open_read_only
from precompute.activation_maps.batch import staged
from precompute.activation_maps.stage import mapped_models, maps_hash
from precompute.context import RunOptions
from precompute.evaluation.localisation_report import localisation_table
from precompute.evaluation.run import evaluate_localisation
from precompute.models.tower_loading import image_tower
from precompute.models.towers import ImageBackbone
from precompute.pipeline import Result, run
from precompute.recipe import ImageTowerSettings, Recipe
from precompute.stored_run import open_stored
from tests.decoded import load_picture
from tests.small_towers import distilbert_folder, resnet_folder

CLASSES = ("blue", "plain", "red")
SIZE = 64
TRAIN, TEST = 5, 3


def _write(root: Path) -> Path:
    """Noise with a square of the class's colour, marked by a mask; plain has none and a mask that is black."""
    random = np.random.default_rng(0)
    for split, count in (("train", TRAIN), ("test", TEST)):
        lines = []
        for label in CLASSES:
            for number in range(count):
                pixels = random.integers(0, 120, (48, 64, 3), dtype=np.uint8)
                mask = np.zeros((48, 64), np.uint8)
                if label != "plain":
                    y, x = random.integers(0, 30, 2)
                    pixels[y : y + 14, x : x + 14, CLASSES.index(label)] = 255
                    mask[y : y + 14, x : x + 14] = 255
                name = f"{label}/{label}_{number}"
                for folder, array in ((root, pixels), (root / "masks", mask)):
                    path = folder / split / f"{name}.png"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    Image.fromarray(array).save(path)
                square = [[2, 2], [20, 2], [20, 9], [2, 9]]
                words = [{"text": label, "polygon": square, "confidence": 0.9}]
                lines.append(json.dumps({"file_name": f"{name}.png", "label": label, "ocr": words}))
        (root / split / "metadata.jsonl").write_text("\n".join(lines))
    (root / "masks" / "test" / "red" / "red_2.png").unlink()
    return root


def _recipe(image: Path, text: Path, **settings: Any) -> Recipe:
    return Recipe.model_validate(
        {
            "towers": {
                "frozen": True,
                "shared": True,
                "image_size": SIZE,
                "image": {"name": str(image)},
                "text": {"name": str(text)},
            },
            "training": {"epochs": 1, "augmented_copies": 0, "hidden_width": 8},
            "models": [
                {"name": "feature_concatenation", "kind": "feature_concatenation"},
                {"name": "forest", "kind": "embedding"},
            ],
            "embedding": {"trees": 20, "features": 6},
            "explain": {"segments": 12, "evaluations": 32},
            "activation": {"tops": [1, 5, 13], "variants": ["grad-cam", "layer-cam"]},
            "runtime": {"precision": "float32", "runtime": "torch"},
            "stages": ["ingest", "train", "explain-local", "activation"],
            **settings,
        }
    )


class _Place:
    def __init__(self, folder: Path) -> None:
        self.data = _write(folder / "data")
        self.url = f"sqlite:///{folder / 'maps.db'}"
        self.artifacts = folder / "artifacts"
        self.image, self.text = resnet_folder(folder / "resnet"), distilbert_folder(folder / "distilbert")

    def copied(self, folder: Path) -> _Place:
        """The same with a database of its own."""
        shutil.copy(self.url.removeprefix("sqlite:///"), folder / "maps.db")
        place = copy(self)
        place.url = f"sqlite:///{folder / 'maps.db'}"
        return place

    @property
    def recipe(self) -> Recipe:
        return _recipe(self.image, self.text)

    def run(self, recipe: Recipe, *stages: Any, **options: Any) -> Result:
        return run(RunOptions(self.data, self.url, recipe, self.artifacts, workers=1, **options), stages or None)

    def sample_id(self, path: str) -> int:
        (found,) = self.reader().samples.ids([path])
        return found

    def reader(self) -> Reader:
        return Reader(open_read_only(self.url))

    def count(self, table: type) -> int:
        with Session(create(self.url)) as session:
            return session.scalar(select(func.count()).select_from(table)) or 0

    def units(self, stage: str) -> dict[str, tuple[int, datetime]]:
        """By key what tells a unit from one that was made anew, which may get the same id."""
        query = select(WorkUnit.key, WorkUnit.id, WorkUnit.finished_at).where(WorkUnit.stage == stage)
        with Session(create(self.url)) as session:
            return {key: (unit, finished) for key, unit, finished in session.execute(query)}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> _Place:
    """All stages run once, then localisation."""
    place = _Place(tmp_path_factory.mktemp("maps"))
    assert place.run(place.recipe).clean
    with open_stored(place.url, "activation", workers=1) as context:
        assert evaluate_localisation(context) == 0
    return place


def test_every_test_sample_has_a_forecast_and_maps_of_both_models(place: _Place) -> None:
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


def test_a_stored_map_is_what_plain_autograd_gives(place: _Place) -> None:
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


def test_the_figures_of_the_classes_are_stored(place: _Place) -> None:
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


def test_localisation_measures_all_variants_and_lime_and_chooses_on_train_masks(place: _Place) -> None:
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


def test_the_energy_of_a_stored_map_is_the_measured_one(place: _Place) -> None:
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


def test_the_same_run_again_computes_nothing_and_other_settings_everything(place: _Place, tmp_path: Path) -> None:
    place = place.copied(tmp_path)
    stages = ("activation", "activation-classes", "evaluate-localisation", "evaluate-superpixels")
    before = [place.units(stage) for stage in stages]
    assert all(before)
    recipe = place.recipe
    place.run(recipe, "activation")
    with open_stored(place.url, "activation", workers=1) as context:
        assert evaluate_localisation(context) == 0
    assert [place.units(stage) for stage in stages] == before
    maps = place.count(ActivationMap)
    fewer = recipe.model_copy(update={"activation": recipe.activation.model_copy(update={"variants": ("grad-cam",)})})
    with pytest.raises(UserError, match=r"activation would remove .* results of activation; .* --replace"):
        place.run(fewer, "activation")
    assert [place.units(stage) for stage in stages] == before, "nothing is lost"
    place.run(fewer, "activation", replace=True)
    assert place.units("activation").keys() == before[0].keys()
    assert not set(place.units("activation").values()) & set(before[0].values())
    assert place.count(ActivationMap) == maps / 2
    assert not place.units("evaluate-localisation"), "it was made from maps that are gone"
    assert place.units("evaluate-superpixels") == before[3], "and this one was not"
    place.run(recipe, "activation", replace=True)
    assert place.count(ActivationMap) == maps


def test_fewer_samples_keep_the_maps_that_there_are(place: _Place, tmp_path: Path) -> None:
    place = place.copied(tmp_path)
    before = [place.units(stage) for stage in ("activation", "activation-classes")]
    assert place.run(place.recipe, "activation", samples_per_class=1).clean
    assert [place.units(stage) for stage in ("activation", "activation-classes")] == before


def test_figures_are_made_anew_when_forecasts_change(place: _Place, tmp_path: Path) -> None:
    other = place.copied(tmp_path)
    with Session(create(other.url)) as session, session.begin():
        of_forest = select(Prediction).join(Model, Model.id == Prediction.model_id).where(Model.name == "forest")
        for prediction in session.scalars(of_forest):
            prediction.probabilities = prediction.probabilities[::-1].copy()
    assert other.run(other.recipe, "activation").clean
    before, after = place.reader().embedding.auc("forest"), other.reader().embedding.auc("forest")
    assert before is not None
    assert after is not None
    assert before.auc != after.auc


def test_without_masks_there_is_one_clear_line(place: _Place, tmp_path: Path) -> None:
    place = place.copied(tmp_path)
    with Session(create(place.url)) as session, session.begin():
        session.query(Mask).delete()
    with (
        open_stored(place.url, "activation", workers=1) as context,
        pytest.raises(UserError, match=r"^evaluate localisation: none of 24 samples has a mask"),
    ):
        evaluate_localisation(context)


@pytest.mark.parametrize("split, samples", [("test", TEST), ("all", TRAIN + TEST)])
def test_a_tower_without_stages_is_named_and_the_run_comes_to_its_end(
    place: _Place, tmp_path: Path, make_vit: Callable[[Path], Path], split: str, samples: int
) -> None:
    """However many units fail so: this reason is one that the work has foreseen, not one to stop at."""
    place = place.copied(tmp_path)
    vit = make_vit(tmp_path / "vit")
    place.url, place.artifacts = f"sqlite:///{tmp_path / 'vit.db'}", tmp_path / "artifacts"
    settings: dict[str, Any] = {"models": [{"name": "forest", "kind": "embedding"}], "stages": ["ingest", "train"]}
    recipe = _recipe(vit, place.text, explain={"split": split}, **settings)
    assert place.run(recipe).clean
    assert place.run(recipe, "activation") == Result(problems=0, failed=3 * samples)
    with Session(create(place.url)) as session:
        messages = set(session.scalars(select(WorkUnit.message).where(WorkUnit.status == "failed")))
        assert len(messages) == 1
        assert str(messages.pop()).startswith(f"image tower {vit}: has 0 spatial resolution(s), activation maps need 4")
        assert not session.scalar(select(func.count()).select_from(EmbeddingForecast))
        assert not session.scalar(select(func.count()).select_from(Evaluation))


def test_a_unit_that_failed_is_tried_again_if_asked_for_and_no_failure_any_more(place: _Place, tmp_path: Path) -> None:
    place = place.copied(tmp_path)
    recipe, path, before = place.recipe, "test/red/red_0.png", place.units("activation")
    with open_stored(place.url, "activation", workers=1) as context:
        forest = next(model for model in mapped_models(context.engine) if model.name == "forest")
        sample = place.sample_id(path)
        mark = maps_hash(recipe, forest)
        failed = {"model_id": forest.id, "sample_id": sample}
        context.writer.fail_unit("activation", mark, f"forest|{path}", "RuntimeError: out of luck", **failed)
    assert place.run(recipe, "activation") == Result(problems=0, failed=1)
    assert place.reader().embedding.forecast("forest", path) is None
    assert place.run(recipe, "activation", retry_failed=True).clean
    after = place.units("activation")
    assert after.keys() == before.keys()
    assert {key for key in after if after[key] != before[key]} == {f"forest|{path}"}


def test_a_failure_that_an_older_version_noted_of_a_whole_model_goes(place: _Place, tmp_path: Path) -> None:
    place = place.copied(tmp_path)
    with open_stored(place.url, "activation", workers=1) as context:
        forest = next(model for model in mapped_models(context.engine) if model.name == "forest")
        mark = maps_hash(place.recipe, forest)
        context.writer.fail_unit("activation", mark, "forest", "RuntimeError: out of luck")
    assert place.run(place.recipe, "activation").clean


def test_a_tower_goes_to_where_the_pictures_are(place: _Place) -> None:
    tower = image_tower(ImageTowerSettings(name=str(place.image)), SIZE, 0)
    forward = staged(tower, torch.zeros(1, 3, SIZE, SIZE, device="meta"), "resnet")
    assert {tensor.device.type for tensor in (*forward.stages, forward.embeddings)} == {"meta"}


@pytest.fixture
def make_vit() -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        torch.manual_seed(0)
        config = ViTConfig(
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            image_size=SIZE,
            patch_size=16,
        )
        ViTModel(config).save_pretrained(folder)
        return folder

    return make
