"""Stored models back from their checkpoints; models with the same towers get the same tower objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from db.errors import UserError
from precompute.models.checkpoints import file_hash, read_header, read_tensors
from precompute.models.dual_stream import TowersAndHead
from precompute.models.embedding_classifier import EmbeddingClassifier
from precompute.models.fusions import HEADS, Head, HeadShape
from precompute.models.own_models import load_own
from precompute.models.protocol import Model
from precompute.models.runtimes import choose_execution
from precompute.models.tower_loading import fingerprint, image_tower, image_tower_from, text_tower, text_tower_from
from precompute.models.towers import ImageTower, TextTower
from precompute.recipe import Recipe

MODELS = "models"
"""Folder of the checkpoints in the artifacts folder."""


def load_models(
    recipe: Recipe,
    artifacts: Path,
    checkpoints: Mapping[str, str | None],
    classes: Sequence[str],
    device: torch.device | str = "cpu",
    threads: int | None = None,
) -> dict[str, Model]:
    """Load trained models and make the user's own.

    Args:
        checkpoints: by name of the model, relative to `artifacts`; None for an own model.
        classes: the data set's, in the order of the stored probabilities.
        threads: of each forward; 1 in a worker, None = as many as the machine has.

    Raises:
        UserError: a checkpoint or tower is missing or changed, or an own model does not keep the protocol.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    settings = {model.name: model for model in recipe.models}
    shelf = TowerShelf(recipe, artifacts, str(device), threads)
    models: dict[str, Model] = {}
    for name, checkpoint in checkpoints.items():
        if name not in settings:
            raise UserError(f"model {name}: not in the recipe, which has {', '.join(settings)}")
        if checkpoint is None:
            models[name] = load_own(settings[name], classes)
        else:
            models[name] = load_trained(artifacts / checkpoint, shelf)
    return models


def load_trained(path: Path, shelf: TowerShelf) -> TowersAndHead | EmbeddingClassifier:
    """One trained model from its checkpoint."""
    header = read_header(path)
    if header["kind"] == "embedding":
        tower = shelf.image(path, header)
        return EmbeddingClassifier(header["classes"], tower, read_tensors(path), header["trees"], header["seed"])
    image = shelf.image(path, header) if "image_tower" in header else None
    text = shelf.text(path, header) if "text_tower" in header else None
    return TowersAndHead(list(header["classes"]), read_head(path, header).to(shelf.device), image, text)


def read_head(path: Path, header: dict[str, Any]) -> Head:
    """The head that a checkpoint holds."""
    tensors = read_tensors(path, "head")
    head = HEADS[header["kind"]](HeadShape(**header["head"]), tensors["prior"])
    head.load_state_dict(tensors)
    return head.eval()


class TowerShelf:
    """Towers loaded so far: each is loaded once, whichever models ask for it.

    A checkpoint names its towers in one of two ways: {"name", "fingerprint"} for one that is used as it came, or
    {"checkpoint", "config", "tokenizer"} for one that was trained and lies in that checkpoint.
    """

    def __init__(self, recipe: Recipe, artifacts: Path, device: str, threads: int | None) -> None:
        self.device = device
        self._recipe = recipe
        self._artifacts = artifacts
        self._threads = threads
        self._named_image: ImageTower | None = None
        self._named_text: TextTower | None = None
        self._fingerprints: dict[int, str] = {}
        self._towers: dict[tuple[str, str], ImageTower | TextTower] = {}

    def image(self, path: Path, header: dict[str, Any]) -> ImageTower:
        """The image tower of the model in `path`."""
        return self._get("image_tower", path, header["image_tower"])  # type: ignore[return-value]

    def text(self, path: Path, header: dict[str, Any]) -> TextTower:
        """The text tower of the model in `path`."""
        return self._get("text_tower", path, header["text_tower"])  # type: ignore[return-value]

    def named_image(self) -> ImageTower:
        """The image tower that the recipe names, as it came."""
        if self._named_image is None:
            towers = self._recipe.towers
            self._named_image = image_tower(towers.image, towers.image_size, 0)
            self._settle(self._named_image)
        return self._named_image

    def named_text(self) -> TextTower:
        """The text tower that the recipe names, as it came."""
        if self._named_text is None:
            self._named_text = text_tower(self._recipe.towers.text, (), 0)
            self._settle(self._named_text)
        return self._named_text

    def fingerprint(self, tower: ImageTower | TextTower) -> str:
        """A named tower's fingerprint, worked out once."""
        if id(tower) not in self._fingerprints:
            self._fingerprints[id(tower)] = fingerprint(tower)
        return self._fingerprints[id(tower)]

    def _get(self, role: str, path: Path, where: dict[str, Any]) -> ImageTower | TextTower:
        key = (role, where.get("checkpoint") or where["name"])
        if key not in self._towers:
            self._towers[key] = self._stored(role, where) if "checkpoint" in where else self._named(role, path, where)
        return self._towers[key]

    def _stored(self, role: str, where: dict[str, Any]) -> ImageTower | TextTower:
        path = self._artifacts / where["checkpoint"]
        if "sha256" in where and file_hash(path) != where["sha256"]:
            raise UserError(
                f"checkpoint {path}: changed since other models were trained on it; delete it and run the train stage"
            )
        own, towers = read_header(path)[role], self._recipe.towers
        tower: ImageTower | TextTower
        if role == "image_tower":
            tower = image_tower_from(own["config"], towers.image, towers.image_size)
        else:
            tower = text_tower_from(own["config"], own["tokenizer"], towers.text)
        tower.backbone.load_state_dict(read_tensors(path, role))
        self._settle(tower)
        return tower

    def _named(self, role: str, path: Path, where: dict[str, Any]) -> ImageTower | TextTower:
        tower = self.named_image() if role == "image_tower" else self.named_text()
        if self.fingerprint(tower) != where["fingerprint"]:
            raise UserError(
                f"{role.replace('_', ' ')} {where['name']}: changed since {path} was trained; "
                "delete that file and run the train stage"
            )
        return tower

    def _settle(self, tower: ImageTower | TextTower) -> None:
        settings, cache = self._recipe.runtime, self._artifacts / "runtimes.json"
        tower.run_with(choose_execution(settings, self.device, self._threads, cache, tower.trial))
