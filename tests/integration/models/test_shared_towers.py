"""The real towers of ../shared/models: what the recipe for groceries rests on."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from precompute.models.protocol import Entries, Entry
from precompute.models.runtimes import Execution
from precompute.models.tower_loading import image_tower, text_tower
from precompute.models.towers import ImageTower, TextTower
from precompute.recipe import RECIPES, Recipe, read_recipe
from tests.decoded import load_picture

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def recipe(shared_models: Path) -> Recipe:
    recipe = read_recipe(RECIPES / "grocery-cpu.toml")
    towers = recipe.towers
    image = towers.image.model_copy(update={"name": str(shared_models / Path(towers.image.name).name)})
    text = towers.text.model_copy(update={"name": str(shared_models / Path(towers.text.name).name)})
    return recipe.model_copy(update={"towers": towers.model_copy(update={"image": image, "text": text})})


@pytest.fixture(scope="module")
def samples(groceries: Path) -> list[dict[str, object]]:
    lines = (groceries / "test" / "metadata.jsonl").read_text(encoding="utf-8").splitlines()[::150]
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def images(groceries: Path, samples: list[dict[str, object]]) -> torch.Tensor:
    pictures = [load_picture(groceries / "test" / str(sample["file_name"]), 256) for sample in samples]
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255


@pytest.fixture(scope="module")
def entries(samples: list[dict[str, object]]) -> list[Entries]:
    return [[Entry(entry["text"]) for entry in sample["ocr"]] for sample in samples]  # type: ignore[attr-defined]


@pytest.fixture(params=["torch", "openvino"])
def towers(recipe: Recipe, request: pytest.FixtureRequest) -> tuple[ImageTower, TextTower]:
    image = image_tower(recipe.towers.image, 256, 0)
    text = text_tower(recipe.towers.text, (), 0)
    for tower in (image, text):
        tower.run_with(Execution(request.param, batch_size=4, threads=1))
    return image, text


def test_embeddings_are_those_of_transformers_by_hand(
    recipe: Recipe, towers: tuple[ImageTower, TextTower], images: torch.Tensor, entries: list[Entries]
) -> None:
    image = AutoModel.from_pretrained(recipe.towers.image.name, dtype=torch.float32)
    text = AutoModel.from_pretrained(recipe.towers.text.name, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(recipe.towers.text.name)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (recipe.towers.image.mean, recipe.towers.image.std))
    seen, read = towers[0].embed(images), towers[1].embed(entries)
    assert (seen.shape[1], read.shape[1]) == (1280, 384)
    with torch.no_grad():
        expected = image(pixel_values=(images - mean) / std).last_hidden_state.flatten(2).mean(dim=2)
        assert torch.allclose(seen, expected, atol=2e-4, rtol=1e-3)
        for row, one in enumerate(entries):
            if one:
                ids = tokenizer(" ".join(entry.text for entry in one), return_tensors="pt")
                assert torch.allclose(read[row], text(**ids).last_hidden_state[0].mean(dim=0), atol=1e-4, rtol=1e-3)


def test_embeddings_are_bit_equal_in_any_company(
    towers: tuple[ImageTower, TextTower], images: torch.Tensor, entries: list[Entries]
) -> None:
    seen, read = towers[0].embed(images), towers[1].embed(entries)
    for row in (0, len(images) - 1):
        assert torch.equal(towers[0].embed(images[row : row + 1])[0], seen[row])
        assert torch.equal(towers[1].embed(entries[row : row + 1])[0], read[row])
    assert torch.equal(towers[0].embed(images.flip(0)).flip(0), seen)
    assert torch.equal(towers[1].embed(entries[::-1]).flip(0), read)
