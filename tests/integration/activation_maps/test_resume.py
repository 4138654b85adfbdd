"""What the activation stage computes anew, what it keeps, and what fails in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from transformers import ViTConfig, ViTModel

from db.errors import UserError
from db.records.written import FinishedUnit
from db.schema.tables import ActivationMap, EmbeddingForecast, Evaluation, Mask, Model, Prediction, WorkUnit
from db.session import create
from precompute.activation_maps.stage import mapped_models, maps_hash
from precompute.evaluation.run import evaluate_localisation
from precompute.pipeline import Result
from precompute.stored_run import open_stored
from tests.integration.activation_maps.place import SIZE, TEST, TRAIN, Place, recipe_of


def test_the_same_run_again_computes_nothing_and_other_settings_everything(place: Place, tmp_path: Path) -> None:
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


def test_fewer_samples_keep_the_maps_that_there_are(place: Place, tmp_path: Path) -> None:
    place = place.copied(tmp_path)
    before = [place.units(stage) for stage in ("activation", "activation-classes")]
    assert place.run(place.recipe, "activation", samples_per_class=1).clean
    assert [place.units(stage) for stage in ("activation", "activation-classes")] == before


def test_figures_are_made_anew_when_forecasts_change(place: Place, tmp_path: Path) -> None:
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


def test_without_masks_there_is_one_clear_line(place: Place, tmp_path: Path) -> None:
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
    place: Place, tmp_path: Path, make_vit: Callable[[Path], Path], split: str, samples: int
) -> None:
    """However many units fail so: this reason is one that the work has foreseen, not one to stop at."""
    place = place.copied(tmp_path)
    vit = make_vit(tmp_path / "vit")
    place.url, place.artifacts = f"sqlite:///{tmp_path / 'vit.db'}", tmp_path / "artifacts"
    settings: dict[str, Any] = {"models": [{"name": "forest", "kind": "embedding"}], "stages": ["ingest", "train"]}
    recipe = recipe_of(vit, place.text, explain={"split": split}, **settings)
    assert place.run(recipe).clean
    assert place.run(recipe, "activation") == Result(problems=0, failed=3 * samples)
    with Session(create(place.url)) as session:
        messages = set(session.scalars(select(WorkUnit.message).where(WorkUnit.status == "failed")))
        assert len(messages) == 1
        assert str(messages.pop()).startswith(f"image tower {vit}: has 0 spatial resolution(s), activation maps need 4")
        assert not session.scalar(select(func.count()).select_from(EmbeddingForecast))
        assert not session.scalar(select(func.count()).select_from(Evaluation))


def test_a_unit_that_failed_is_tried_again_if_asked_for_and_no_failure_any_more(place: Place, tmp_path: Path) -> None:
    place = place.copied(tmp_path)
    recipe, path, before = place.recipe, "test/red/red_0.png", place.units("activation")
    with open_stored(place.url, "activation", workers=1) as context:
        forest = next(model for model in mapped_models(context.engine) if model.name == "forest")
        mark = maps_hash(recipe, forest)
        failed = FinishedUnit("activation", mark, f"forest|{path}", model="forest", sample=path)
        context.writer.fail(failed, "RuntimeError: out of luck")
    assert place.run(recipe, "activation") == Result(problems=0, failed=1)
    assert place.reader().embedding.forecast("forest", path) is None
    assert place.run(recipe, "activation", retry_failed=True).clean
    after = place.units("activation")
    assert after.keys() == before.keys()
    assert {key for key in after if after[key] != before[key]} == {f"forest|{path}"}


def test_a_failure_that_an_older_version_noted_of_a_whole_model_goes(place: Place, tmp_path: Path) -> None:
    place = place.copied(tmp_path)
    with open_stored(place.url, "activation", workers=1) as context:
        forest = next(model for model in mapped_models(context.engine) if model.name == "forest")
        mark = maps_hash(place.recipe, forest)
        context.writer.fail(FinishedUnit("activation", mark, "forest"), "RuntimeError: out of luck")
    assert place.run(place.recipe, "activation").clean


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
