"""Which checkpoints are believed, and that one recipe gives one model whatever lies in the artifacts folder."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from db.errors import UserError
from precompute.activation_maps.batch import staged
from precompute.dataset.samples import LabelledSample
from precompute.models import fitting
from precompute.models.checkpoints import StoredCheckpoint, file_hash, read_checkpoint
from precompute.models.loading import known_files, load_models
from precompute.models.tower_loading import image_tower
from precompute.models.training import TrainedModel, train_models
from precompute.recipe import ImageTowerSettings, Recipe
from tests.small_towers import CLASSES, coloured_samples, distilbert_folder, resnet_folder
from tests.tiny_recipe import RECIPE
from tests.unit.models.test_checkpoints import flip_signs


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[LabelledSample]:
    return coloured_samples(tmp_path_factory.mktemp("pictures"), size=64)


@pytest.fixture(scope="module")
def tiny() -> Recipe:
    """Towers trained from scratch, shared by all models; runtime and precision left open."""
    return Recipe.model_validate(
        tomllib.loads(RECIPE) | {"runtime": {}, "training": {"epochs": 1, "augmented_copies": 1}}
    )


@pytest.fixture(scope="module")
def frozen(tiny: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """Frozen towers, whose embeddings all heads are trained on; runtime and precision left open."""
    folder = tmp_path_factory.mktemp("towers")
    image, text = resnet_folder(folder / "resnet"), distilbert_folder(folder / "distilbert")
    towers = {"frozen": True, "shared": True, "image_size": 64}
    models = [{"name": kind, "kind": kind} for kind in ("image", "text", "score_fusion", "embedding")]
    return Recipe.model_validate(
        tiny.model_dump(exclude={"towers", "models", "global_"})
        | {"towers": towers | {"image": {"name": str(image)}, "text": {"name": str(text)}}, "models": models}
    )


def train(
    recipe: Recipe, samples: list[LabelledSample], folder: Path, trusted: Mapping[Path, str] | None = None
) -> list[TrainedModel]:
    found = train_models(recipe, samples, CLASSES, folder, "digest", "cpu", lambda done, total: None, trusted or {})
    return list(found)


def stored(trained: list[TrainedModel]) -> dict[str, StoredCheckpoint]:
    return {model.name: StoredCheckpoint(str(model.checkpoint), model.checkpoint_hash) for model in trained}


def one(recipe: Recipe, *kinds: str) -> Recipe:
    models = tuple(model for model in recipe.models if model.kind in kinds)
    return recipe.model_copy(update={"models": models})


WORDS = ("openvino float32", "openvino bfloat16", "torch float32", "torch bfloat16")


@pytest.mark.parametrize("towers", ["tiny", "frozen"])
def test_one_recipe_gives_one_model_whatever_was_measured(
    towers: str, request: pytest.FixtureRequest, samples: list[LabelledSample], tmp_path: Path
) -> None:
    recipe: Recipe = request.getfixturevalue(towers)
    empty = train(recipe, samples, tmp_path / "empty")
    assert not (tmp_path / "empty" / "runtimes.json").exists()
    load_models(recipe, tmp_path / "empty", stored(empty), CLASSES, "cpu", 1)  # measures
    keys = list(json.loads((tmp_path / "empty" / "runtimes.json").read_text()))
    assert keys
    for place, content in enumerate([*(json.dumps(dict.fromkeys(keys, word)) for word in WORDS), "[garbage", "{}"]):
        folder = tmp_path / str(place)
        folder.mkdir()
        (folder / "runtimes.json").write_text(content)
        assert train(recipe, samples, folder) == empty
        for model in empty:
            path = str(model.checkpoint)
            assert (folder / path).read_bytes() == (tmp_path / "empty" / path).read_bytes()


def test_a_process_that_loaded_models_before_trains_the_same(
    tiny: Recipe, samples: list[LabelledSample], tmp_path: Path
) -> None:
    threads = torch.get_num_threads()
    try:
        found = []
        for count in (1, 2):
            torch.set_num_threads(count)  # as loading a model does
            found.append(train(one(tiny, "image"), samples, tmp_path / str(count)))
            assert torch.get_num_threads() == count
    finally:
        torch.set_num_threads(threads)
    assert found[0] == found[1]


def test_what_is_explained_does_not_depend_on_who_measured(
    frozen: Recipe, samples: list[LabelledSample], tmp_path: Path
) -> None:
    trained = stored(train(one(frozen, "embedding"), samples, tmp_path))
    pictures = torch.rand(8, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    answers = []
    for _ in range(2):  # the first measures, the second reads
        (model,) = load_models(frozen, tmp_path, trained, CLASSES, "cpu", 1).values()
        answers.append(model.embed_images(pictures))  # type: ignore[attr-defined]
    assert torch.equal(*answers)


def test_maps_leave_the_tower_as_it_is() -> None:
    tower = image_tower(ImageTowerSettings(name="tiny"), 64, 0)
    before = [(tensor.data_ptr(), tensor.stride()) for tensor in tower.backbone.state_dict().values()]
    first = staged(tower, torch.zeros(1, 3, 64, 64), "tiny")
    assert [(tensor.data_ptr(), tensor.stride()) for tensor in tower.backbone.state_dict().values()] == before
    assert torch.equal(staged(tower, torch.zeros(1, 3, 64, 64), "tiny").embeddings, first.embeddings)


def test_a_damaged_or_foreign_checkpoint_is_not_loaded(
    tiny: Recipe, samples: list[LabelledSample], tmp_path: Path
) -> None:
    trained = stored(train(tiny, samples, tmp_path))
    path = tmp_path / trained["text"].path
    whole = path.read_bytes()
    flip_signs(path)
    assert load_file(path)  # still a readable file
    with pytest.raises(
        UserError, match=r"text-\w+\.safetensors: damaged or not the one that was trained; run the train"
    ):
        load_models(tiny, tmp_path, {"text": trained["text"]}, CLASSES, "cpu", 1)
    with pytest.raises(UserError, match=r"text-.*damaged"):  # also where only its tower is needed
        load_models(tiny, tmp_path, {"embracenet": trained["embracenet"]}, CLASSES, "cpu", 1)
    path.write_bytes((tmp_path / trained["image"].path).read_bytes())
    with pytest.raises(UserError, match=r"text-.*damaged"):
        load_models(tiny, tmp_path, {"text": trained["text"]}, CLASSES, "cpu", 1)
    path.unlink()
    with pytest.raises(UserError, match=r"text-\w+\.safetensors: missing"):
        load_models(tiny, tmp_path, {"text": trained["text"]}, CLASSES, "cpu", 1)
    path.write_bytes(whole)
    assert load_models(tiny, tmp_path, trained, CLASSES, "cpu", 1).keys() == trained.keys()


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("fault", ["flipped", "foreign", "cut off", "empty"])
def test_a_damaged_or_foreign_checkpoint_is_trained_anew(
    tiny: Recipe,
    samples: list[LabelledSample],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    known: bool,
    fault: str,
) -> None:
    recipe = one(tiny, "image", "text")
    trained = train(recipe, samples, tmp_path)
    trusted = known_files(tmp_path, stored(trained).values()) if known else {}
    image, text = (tmp_path / found.path for found in stored(trained).values())
    whole = image.read_bytes()
    if fault == "flipped":
        flip_signs(image)
    else:
        image.write_bytes({"foreign": text.read_bytes(), "cut off": whole[:-40], "empty": b""}[fault])
    capsys.readouterr()
    assert train(recipe, samples, tmp_path, trusted) == trained
    line = f"train: checkpoint {image} is damaged or another model's; it is trained anew"
    assert capsys.readouterr().err.splitlines() == [line]
    assert image.read_bytes() == whole


def without_seal(path: Path) -> str:
    """Make a file as it was written before there were digests; gives its hash."""
    with safe_open(path, "pt") as opened:
        header = json.loads(opened.metadata()["shelf_lens"])
    del header["digest"], header["key"]
    save_file(load_file(path), path, {"shelf_lens": json.dumps(header, sort_keys=True)})
    return file_hash(path)


def test_an_old_checkpoint_is_believed_only_where_the_database_knows_it(
    tiny: Recipe, samples: list[LabelledSample], tmp_path: Path
) -> None:
    recipe = one(tiny, "image")
    (model,) = train(recipe, samples, tmp_path)
    path = tmp_path / str(model.checkpoint)
    whole, old = path.read_bytes(), without_seal(path)
    (again,) = train(recipe, samples, tmp_path, {path: old})
    assert (again.checkpoint, again.checkpoint_hash, again.history) == (model.checkpoint, old, model.history)
    assert file_hash(path) == old
    assert train(recipe, samples, tmp_path) == [model]
    assert path.read_bytes() == whole
    train(recipe, samples, tmp_path, {path: old})  # whole, but not what the database tells of
    assert path.read_bytes() == whole


def test_files_that_known_models_take_their_towers_from_are_known_too(
    tiny: Recipe, samples: list[LabelledSample], tmp_path: Path
) -> None:
    trained = train(one(tiny, "embracenet"), samples, tmp_path)
    files = known_files(tmp_path, stored(trained).values())
    assert {path.name.partition("-")[0] for path in files} == {"embracenet", "image", "text"}
    assert files == {path: file_hash(path) for path in files}
    flip_signs(tmp_path / str(trained[0].checkpoint))
    assert list(known_files(tmp_path, stored(trained).values())) == [tmp_path / str(trained[0].checkpoint)]


@pytest.mark.parametrize("fault", ["flipped", "foreign", "cut off"])
def test_a_training_does_not_go_on_from_damaged_progress(
    tiny: Recipe, samples: list[LabelledSample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(fitting, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    recipe = one(tiny, "image", "text")
    recipe = recipe.model_copy(update={"training": recipe.training.model_copy(update={"epochs": 3})})
    whole = train(recipe, samples, tmp_path / "whole")

    def kill(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(train_models(recipe, samples, CLASSES, tmp_path / "cut", "digest", "cpu", kill))
    (unfinished,) = (tmp_path / "cut" / "models").glob("*.unfinished")
    assert read_checkpoint(unfinished).header["history"]
    if fault == "flipped":
        flip_signs(unfinished)
    else:
        other = (tmp_path / "whole" / str(whole[1].checkpoint)).read_bytes()
        unfinished.write_bytes(other if fault == "foreign" else unfinished.read_bytes()[:-50])
    assert train(recipe, samples, tmp_path / "cut") == whole


@pytest.mark.parametrize("kind", ["image", "feature_concatenation"])
def test_a_training_that_diverged_is_told_and_writes_nothing(
    frozen: Recipe, tiny: Recipe, samples: list[LabelledSample], tmp_path: Path, kind: str
) -> None:
    training = {"epochs": 3, "learning_rate": 1e30, "batch_size": 4, "augmented_copies": 0}
    values = (frozen if kind == "feature_concatenation" else tiny).model_dump(exclude={"models", "global_", "training"})
    recipe = Recipe.model_validate(values | {"training": training, "models": [{"name": "mine", "kind": kind}]})
    with pytest.raises(UserError, match=rf"train: model {kind} gives NaN since epoch \d: the training diverged; lower"):
        train(recipe, samples, tmp_path)
    assert not list(tmp_path.rglob("*.safetensors"))
    assert not list(tmp_path.rglob("*.unfinished"))
