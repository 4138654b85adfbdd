"""Training from the folders of a model hub to predictions: the road of paper.toml, on tiny random towers."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from db.errors import UserError
from precompute.dataset.samples import LabelledSample
from precompute.models import fitting
from precompute.models.checkpoints import StoredCheckpoint
from precompute.models.dual_stream import TowersAndHead
from precompute.models.loading import load_models
from precompute.models.prediction import predict_all
from precompute.models.training import TrainedModel, train_models
from precompute.recipe import RECIPES, ModelSettings, Recipe, read_recipe
from tests.decoded import load_picture
from tests.small_towers import CLASSES, coloured_samples, distilbert_folder, resnet_folder

KINDS = ["image", "text", "feature_concatenation", "score_fusion", "embracenet"]
PRIOR = torch.full((3,), 1 / 3)


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[LabelledSample]:
    return coloured_samples(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """paper.toml, with folders instead of hub names, small pictures and one epoch."""
    folder = tmp_path_factory.mktemp("towers")
    recipe = read_recipe(RECIPES / "paper.toml")
    image = recipe.towers.image.model_copy(update={"name": str(resnet_folder(folder / "resnet"))})
    text = recipe.towers.text.model_copy(update={"name": str(distilbert_folder(folder / "distilbert"))})
    towers = recipe.towers.model_copy(update={"image": image, "text": text, "image_size": 32})
    training = recipe.training.model_copy(update={"epochs": 1})
    runtime = recipe.runtime.model_copy(update={"runtime": "torch", "batch_size": 4})
    return recipe.model_copy(update={"towers": towers, "training": training, "runtime": runtime})


def changed(recipe: Recipe, **sections: dict[str, object]) -> Recipe:
    return recipe.model_copy(
        update={name: getattr(recipe, name).model_copy(update=new) for name, new in sections.items()}
    )


def train(recipe: Recipe, samples: list[LabelledSample], folder: Path, digest: str = "digest") -> list[TrainedModel]:
    return list(train_models(recipe, samples, CLASSES, folder, digest, "cpu", lambda done, total: None))


def load(recipe: Recipe, trained: list[TrainedModel], folder: Path) -> dict[str, TowersAndHead]:
    checkpoints = {model.name: stored(model) for model in trained}
    return load_models(recipe, folder, checkpoints, CLASSES, "cpu", 1)  # type: ignore[return-value]


def stored(model: TrainedModel) -> StoredCheckpoint | None:
    return None if model.checkpoint is None else StoredCheckpoint(model.checkpoint, model.checkpoint_hash)


def batch(samples: list[LabelledSample]) -> tuple[torch.Tensor, list[list[object]]]:
    pictures = [torch.tensor(load_picture(sample.picture, 32)) for sample in samples]
    return torch.stack(pictures).permute(0, 3, 1, 2).float() / 255, [list(sample.entries) for sample in samples]


def test_paper_recipe_trains_every_model_end_to_end_with_a_pair_of_towers_each(
    paper: Recipe, samples: list[LabelledSample], tmp_path: Path
) -> None:
    trained = train(paper, samples, tmp_path)
    assert [model.name for model in trained] == KINDS
    assert all(len(model.history) == 1 for model in trained)
    models = load(paper, trained, tmp_path)
    answers = predict_all(models, *batch(samples))
    for name, answer in answers.items():
        assert answer.shape == (18, 3), name
        assert torch.allclose(answer.sum(dim=1), torch.ones(18))
    assert torch.equal(answers["text"][0], PRIOR)  # the first sample of each class has no text
    owners = {id(models[kind].image_tower) for kind in ("image", "feature_concatenation", "embracenet")}
    assert len(owners) == 3
    assert models["score_fusion"].image_tower is models["image"].image_tower
    assert models["score_fusion"].text_tower is models["text"].text_tower


def test_one_step_moves_towers_and_head(paper: Recipe, samples: list[LabelledSample], tmp_path: Path) -> None:
    trained = train(changed(paper, training={"learning_rate": 0.01}), samples, tmp_path)
    checkpoint = trained[2].checkpoint
    assert checkpoint is not None
    after = load_file(tmp_path / checkpoint)
    before = load_file(Path(paper.towers.image.name) / "model.safetensors")
    moved = [name for name, tensor in before.items() if not torch.equal(after[f"image_tower.model.{name}"], tensor)]
    assert any("weight" in name for name in moved)


def test_one_trained_pair_serves_all_models(paper: Recipe, samples: list[LabelledSample], tmp_path: Path) -> None:
    recipe = changed(paper, towers={"shared": True}, training={"augmented_copies": 1})
    models = load(recipe, train(recipe, samples, tmp_path), tmp_path)
    assert len({id(model.image_tower) for name, model in models.items() if name != "text"}) == 1
    assert len({id(model.text_tower) for name, model in models.items() if name != "image"}) == 1


def test_frozen_towers_learn_colours_and_words_and_are_shared(
    paper: Recipe, samples: list[LabelledSample], tmp_path: Path
) -> None:
    training = {"epochs": 40, "learning_rate": 0.01, "augmented_copies": 1, "drop_entries": 0.2, "drop_text": 0.1}
    recipe = changed(paper, towers={"frozen": True, "shared": True}, training=training)
    trained = train(recipe, samples, tmp_path)
    models = load(recipe, trained, tmp_path)
    assert len({id(model.image_tower) for name, model in models.items() if name != "text"}) == 1
    truth = torch.tensor([CLASSES.index(sample.label) for sample in samples])
    for name, answer in predict_all(models, *batch(samples)).items():
        right = (answer.argmax(dim=1) == truth).float().mean()
        assert right >= (0.85 if name != "text" else 0.8), name  # 3 of 18 have no text
    assert all("tower" not in name for name in load_file(tmp_path / str(trained[2].checkpoint)))


def test_what_is_finished_is_not_trained_again_until_something_changes(
    paper: Recipe, samples: list[LabelledSample], tmp_path: Path
) -> None:
    first = train(paper, samples, tmp_path)
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "models").iterdir()}
    assert train(paper, samples, tmp_path) == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "models").iterdir()} == times
    other = train(paper, samples, tmp_path, digest="another digest")
    assert all(a.checkpoint != b.checkpoint for a, b in zip(first, other, strict=True))


def test_same_seed_same_weights_in_another_folder(paper: Recipe, samples: list[LabelledSample], tmp_path: Path) -> None:
    recipe = changed(paper, towers={"shared": True}, training={"augmented_copies": 1})
    first, again = (train(recipe, samples, tmp_path / name) for name in ("a", "b"))
    assert [model.checkpoint_hash for model in first] == [model.checkpoint_hash for model in again]
    other = train(recipe.model_copy(update={"seed": 1}), samples, tmp_path / "c")
    assert all(a.checkpoint_hash != b.checkpoint_hash for a, b in zip(first, other, strict=True))


def test_a_killed_training_ends_in_the_same_checkpoints(
    paper: Recipe, samples: list[LabelledSample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    recipe = changed(paper, towers={"shared": True}, training={"epochs": 3, "augmented_copies": 1})
    whole = train(recipe, samples, tmp_path / "whole")

    def kill_at(step: int) -> None:
        def count(done: int, total: int) -> None:
            if done == step:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            list(train_models(recipe, samples, CLASSES, tmp_path / "killed", "digest", "cpu", count))

    for step in (2, 5, 9, 12):  # in the image model, in the text model, between, and in the fusions
        kill_at(step)
    pieces = train(recipe, samples, tmp_path / "killed")
    assert [model.checkpoint_hash for model in pieces] == [model.checkpoint_hash for model in whole]
    assert not list((tmp_path / "killed" / "models").glob("*.unfinished"))


def test_progress_ends_at_its_total(paper: Recipe, samples: list[LabelledSample], tmp_path: Path) -> None:
    recipe = changed(paper, towers={"shared": True}, training={"epochs": 2, "augmented_copies": 1})
    seen: list[tuple[int, int]] = []
    list(train_models(recipe, samples, CLASSES, tmp_path, "digest", "cpu", lambda *step: seen.append(step)))
    assert seen[0] == (0, 14)  # five models of two epochs, two copies for each of two towers
    assert seen[-1] == (14, 14)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_a_tower_folder_that_changed_since_training_is_noticed(
    paper: Recipe, samples: list[LabelledSample], tmp_path: Path
) -> None:
    folder = resnet_folder(tmp_path / "resnet")
    image = paper.towers.image.model_copy(update={"name": str(folder)})
    recipe = changed(
        paper, towers={"frozen": True, "shared": True, "image": image}, training={"augmented_copies": 0}
    ).model_copy(update={"models": (ModelSettings(name="image", kind="image"),)})
    trained = train(recipe, samples, tmp_path)
    weights = load_file(folder / "model.safetensors")
    from safetensors.torch import save_file

    save_file({name: tensor + 0.5 for name, tensor in weights.items()}, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match="changed since"):
        load(recipe, trained, tmp_path)
    assert train(recipe, samples, tmp_path)[0].checkpoint != trained[0].checkpoint


def test_frozen_tiny_towers_are_refused(samples: list[LabelledSample], tmp_path: Path) -> None:
    towers = {"frozen": True, "shared": True, "image": {"name": "tiny"}, "text": {"name": "tiny"}}
    recipe = Recipe.model_validate({"towers": towers})
    with pytest.raises(UserError, match="frozen = false"):
        train(recipe, samples, tmp_path)


def test_an_own_model_takes_its_place_in_the_order(
    paper: Recipe, samples: list[LabelledSample], tmp_path: Path
) -> None:
    own = ModelSettings(
        name="mine", kind="own", entry_point="tests.small_models:SmallDualModel", options={"classes": CLASSES}
    )
    recipe = paper.model_copy(update={"models": (own, ModelSettings(name="text", kind="text"))})
    trained = train(recipe, samples, tmp_path)
    assert [(model.name, model.checkpoint is None) for model in trained] == [("mine", True), ("text", False)]
    assert set(load(recipe, trained, tmp_path)) == {"mine", "text"}
