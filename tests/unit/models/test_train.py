"""The stage that trains models, apart from what training does."""

from pathlib import Path

import pytest
import torch

from precompute.models.train import train
from precompute.recipe import Recipe
from tests.dataset_folder import DatasetFolder, Ingestion, empty_database, entry, folder, ingestion  # noqa: F401

SETTINGS = {
    "towers": {"shared": True, "image_size": 32, "image": {"name": "tiny"}, "text": {"name": "tiny", "max_tokens": 16}},
    "training": {"epochs": 1, "augmented_copies": 0},
    "models": [{"name": "text", "kind": "text"}],
    "runtime": {"runtime": "torch", "precision": "float32"},
}


def test_a_gpu_is_left_alone_where_the_cpu_is_asked_for(
    folder: DatasetFolder,  # noqa: F811
    ingestion: Ingestion,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for label in ("milk", "oat"):
        folder.picture(f"train/{label}/a.png")
    folder.metadata("train", *({"file_name": f"{one}/a.png", "ocr": [entry(one)]} for one in ("milk", "oat")))
    ingestion(folder)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    recipe = Recipe.model_validate(SETTINGS)
    train(ingestion.context(folder, recipe, artifacts=tmp_path / "artifacts", device="cpu"))
    assert list((tmp_path / "artifacts" / "models").glob("text-*.safetensors"))
