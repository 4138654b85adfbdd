"""An embedding classifier from training to predictions: which tower, which features, the same forest again."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from sklearn.ensemble import RandomForestClassifier

from precompute.dataset.samples import LabelledSample
from precompute.models.checkpoints import StoredCheckpoint
from precompute.models.embedding_classifier import EmbeddingClassifier
from precompute.models.loading import load_models
from precompute.models.protocol import CrossingModel
from precompute.models.training import train_models
from precompute.recipe import Recipe
from tests.decoded import load_picture
from tests.small_towers import CLASSES, coloured_samples, distilbert_folder, resnet_folder

MODELS = [{"name": name, "kind": name} for name in ("image", "feature_concatenation", "embedding")]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[LabelledSample]:
    return coloured_samples(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("towers")
    return resnet_folder(folder / "resnet"), distilbert_folder(folder / "distilbert")


def _recipe(
    folders: tuple[Path, Path], *, frozen: bool, shared: bool, models: object = MODELS, trees: int = 9
) -> Recipe:
    image, text = ({"name": str(folder)} for folder in folders)
    return Recipe.model_validate(
        {
            "towers": {"image": image, "text": text, "image_size": 32, "frozen": frozen, "shared": shared},
            "training": {"epochs": 1, "augmented_copies": 0, "hidden_width": 8},
            "embedding": {"trees": trees},
            "models": models,
            "runtime": {"runtime": "torch", "precision": "float32"},
        }
    )


def _trained(recipe: Recipe, samples: list[LabelledSample], folder: Path) -> dict[str, StoredCheckpoint]:
    found = train_models(recipe, samples, CLASSES, folder, "digest", "cpu", lambda done, total: None)
    return {model.name: StoredCheckpoint(str(model.checkpoint), model.checkpoint_hash) for model in found}


def _images(samples: list[LabelledSample]) -> torch.Tensor:
    pictures = [torch.tensor(load_picture(sample.picture, 32)) for sample in samples]
    return torch.stack(pictures).permute(0, 3, 1, 2).float() / 255


def test_it_shares_the_frozen_tower_and_is_the_forest_grown_by_hand(
    folders: tuple[Path, Path], samples: list[LabelledSample], tmp_path: Path
) -> None:
    recipe = _recipe(folders, frozen=True, shared=True)
    models = load_models(recipe, tmp_path, _trained(recipe, samples, tmp_path), CLASSES, "cpu", 1)
    model = models["embedding"]
    assert isinstance(model, EmbeddingClassifier)
    assert isinstance(model, CrossingModel)
    assert model.image_tower is models["feature_concatenation"].image_tower  # type: ignore[attr-defined]
    images = _images(samples)
    embeddings = model.embed_images(images).numpy()
    assert len(model.selected) == round(len(samples) ** 0.5)
    labels = [CLASSES.index(sample.label) for sample in samples]
    forest = RandomForestClassifier(9, random_state=model._seed).fit(embeddings[:, model.selected], labels)
    by_hand = torch.from_numpy(forest.predict_proba(embeddings[:, model.selected])).float()
    torch.testing.assert_close(model.predict(images, [[] for _ in samples]), by_hand)


def test_loaded_again_it_answers_the_same_to_the_bit_and_nothing_is_pickled(
    folders: tuple[Path, Path], samples: list[LabelledSample], tmp_path: Path
) -> None:
    recipe = _recipe(folders, frozen=True, shared=True, models=MODELS[2:])
    checkpoints = _trained(recipe, samples, tmp_path)
    assert set(load_file(tmp_path / checkpoints["embedding"].path)) == {"selected", "train", "labels", "prior"}
    images, nothing = _images(samples), [[] for _ in samples]
    first, again = (
        load_models(recipe, tmp_path, checkpoints, CLASSES, "cpu", 1)["embedding"].predict(images, nothing)
        for _ in range(2)
    )
    assert torch.equal(first, again)
    other = _recipe(folders, frozen=True, shared=True, models=MODELS[2:], trees=3)
    assert _trained(other, samples, tmp_path) != checkpoints


@pytest.mark.parametrize("shared", [True, False])
def test_of_towers_that_are_trained_it_takes_the_image_models(
    folders: tuple[Path, Path], samples: list[LabelledSample], tmp_path: Path, shared: bool
) -> None:
    recipe = _recipe(folders, frozen=False, shared=shared, models=[MODELS[0], MODELS[2]])
    models = load_models(recipe, tmp_path, _trained(recipe, samples, tmp_path), CLASSES, "cpu", 1)
    tower = models["embedding"].image_tower  # type: ignore[attr-defined]
    assert tower is models["image"].image_tower  # type: ignore[attr-defined]
    alone = _recipe(folders, frozen=False, shared=shared, models=MODELS[2:])
    assert _trained(alone, samples, tmp_path / "alone").keys() == {"embedding"}
