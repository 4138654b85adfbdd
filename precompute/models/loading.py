"""Stored models back from their checkpoints; models with the same towers get the same tower objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from db.errors import UserError
from precompute.models.checkpoints import Checkpoint, StoredCheckpoint, read_checkpoint
from precompute.models.dual_stream import TowersAndHead
from precompute.models.embedding_classifier import EmbeddingClassifier
from precompute.models.fusions import HEADS, Head, HeadShape
from precompute.models.own_models import load_own
from precompute.models.protocol import Model
from precompute.models.runtimes import Execution, choose_execution, fixed_execution
from precompute.models.tower_loading import fingerprint, image_tower, image_tower_from, text_tower, text_tower_from
from precompute.models.towers import ImageTower, TextTower
from precompute.recipe import Recipe
from precompute.runtime_choices import RUNTIMES

MODELS = "models"
"""Folder of the checkpoints in the artifacts folder."""


def load_models(
    recipe: Recipe,
    artifacts: Path,
    checkpoints: Mapping[str, StoredCheckpoint | None],
    classes: Sequence[str],
    device: torch.device | str = "cpu",
    threads: int | None = None,
) -> dict[str, Model]:
    """Load trained models and make the user's own.

    Args:
        checkpoints: by name of the model, as stored in the database; None for an own model.
        classes: the data set's, in the order of the stored probabilities.
        threads: of each forward; 1 in a worker, None = as many as the machine has.

    Raises:
        UserError: a checkpoint or tower is missing, damaged or changed, or an own model does not keep the protocol.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    settings = {model.name: model for model in recipe.models}
    cache = artifacts / RUNTIMES

    def fastest(tower: ImageTower | TextTower) -> Execution:
        return choose_execution(recipe.runtime, str(device), threads, cache, tower.trial)

    towers = TowerCache(recipe, artifacts, str(device), fastest)
    models: dict[str, Model] = {}
    for name, checkpoint in checkpoints.items():
        if name not in settings:
            raise UserError(f"model {name}: not in the recipe, which has {', '.join(settings)}")
        if checkpoint is None:
            models[name] = load_own(settings[name], classes)
        else:
            models[name] = load_trained(read_checkpoint(artifacts / checkpoint.path, checkpoint.sha256), towers)
    return models


def load_trained(checkpoint: Checkpoint, towers: TowerCache) -> TowersAndHead | EmbeddingClassifier:
    """One trained model from its checkpoint."""
    header = checkpoint.header
    if header["kind"] == "embedding":
        tower = towers.image(header, checkpoint)
        return EmbeddingClassifier(header["classes"], tower, checkpoint.tensors, header["trees"], header["seed"])
    image = towers.image(header, checkpoint) if "image_tower" in header else None
    text = towers.text(header, checkpoint) if "text_tower" in header else None
    return TowersAndHead(list(header["classes"]), read_head(checkpoint).to(towers.device), image, text)


def known_files(artifacts: Path, stored: Iterable[StoredCheckpoint]) -> dict[Path, str]:
    """SHA-256 of each checkpoint that the database knows, and of those that they take towers from."""
    own = {artifacts / one.path: one.sha256 for one in stored}
    towers: dict[Path, str] = {}
    for path, sha256 in own.items():
        try:
            header = read_checkpoint(path, sha256).header
        except UserError:
            continue  # what it took its towers from is no longer known, nor of use
        parts = [header[role] for role in ("image_tower", "text_tower") if "sha256" in header.get(role, {})]
        towers |= {artifacts / part["checkpoint"]: part["sha256"] for part in parts}
    return towers | own


def read_head(checkpoint: Checkpoint) -> Head:
    """The head that a checkpoint holds."""
    header, tensors = checkpoint.header, checkpoint.part("head")
    head = HEADS[header["kind"]](HeadShape(**header["head"]), tensors["prior"])
    head.load_state_dict(tensors)
    return head.eval()


class TowerCache:
    """A cache of towers: each is loaded once, however many models share it.

    A model's header names its towers in one of three ways: {"name", "fingerprint"} for a pretrained one that is frozen,
    {"checkpoint", "sha256"} for one that was trained and lies in that other checkpoint, and {"checkpoint", "config",
    "tokenizer"} for one that lies in the model's own.

    Args:
        execution: how a tower's forwards are to be run.
    """

    def __init__(
        self,
        recipe: Recipe,
        artifacts: Path,
        device: str,
        execution: Callable[[ImageTower | TextTower], Execution],
    ) -> None:
        self.device = device
        self._recipe = recipe
        self._artifacts = artifacts
        self._execution = execution
        self._named_image: ImageTower | None = None
        self._named_text: TextTower | None = None
        self._fingerprints: dict[int, str] = {}
        self._towers: dict[tuple[str, str], ImageTower | TextTower] = {}

    def image(self, header: dict[str, Any], own: Checkpoint | None = None) -> ImageTower:
        """The image tower that a header names; `own` is the checkpoint whose header it is, if it is finished."""
        return self._get("image_tower", header["image_tower"], own)  # type: ignore[return-value]

    def text(self, header: dict[str, Any], own: Checkpoint | None = None) -> TextTower:
        """The text tower that a header names; `own` is the checkpoint whose header it is, if it is finished."""
        return self._get("text_tower", header["text_tower"], own)  # type: ignore[return-value]

    def named_image(self) -> ImageTower:
        """The image tower that the recipe names, pretrained."""
        if self._named_image is None:
            towers = self._recipe.towers
            self._named_image = image_tower(towers.image, towers.image_size, 0)
            self._configure(self._named_image)
        return self._named_image

    def named_text(self) -> TextTower:
        """The text tower that the recipe names, pretrained."""
        if self._named_text is None:
            self._named_text = text_tower(self._recipe.towers.text, (), 0)
            self._configure(self._named_text)
        return self._named_text

    def fingerprint(self, tower: ImageTower | TextTower) -> str:
        """A named tower's fingerprint, worked out once."""
        if id(tower) not in self._fingerprints:
            self._fingerprints[id(tower)] = fingerprint(tower)
        return self._fingerprints[id(tower)]

    def _get(self, role: str, where: dict[str, Any], own: Checkpoint | None) -> ImageTower | TextTower:
        if "checkpoint" not in where:
            return self._named(role, where, own)
        elsewhere: str | None = where.get("sha256")
        sha256 = elsewhere or (own.sha256 if own else "")
        if (role, sha256) not in self._towers:
            if elsewhere is not None:
                own = read_checkpoint(self._artifacts / where["checkpoint"], elsewhere)
            assert own is not None, "a header without a hash means a tower in the same file"
            self._towers[role, sha256] = self._stored(role, own)
        return self._towers[role, sha256]

    def _stored(self, role: str, checkpoint: Checkpoint) -> ImageTower | TextTower:
        where, towers = checkpoint.header[role], self._recipe.towers
        tower: ImageTower | TextTower
        if role == "image_tower":
            tower = image_tower_from(where["config"], towers.image, towers.image_size)
        else:
            tower = text_tower_from(where["config"], where["tokenizer"], towers.text)
        tower.backbone.load_state_dict(checkpoint.part(role))
        self._configure(tower)
        return tower

    def _named(self, role: str, where: dict[str, Any], own: Checkpoint | None) -> ImageTower | TextTower:
        tower = self.named_image() if role == "image_tower" else self.named_text()
        if self.fingerprint(tower) != where["fingerprint"]:
            raise UserError(
                f"{role.replace('_', ' ')} {where['name']}: changed since {own.path if own else 'the model'} was "
                "trained; delete that file and run the train stage"
            )
        return tower

    def _configure(self, tower: ImageTower | TextTower) -> None:
        tower.run_with(self._execution(tower))


def training_towers(recipe: Recipe, artifacts: Path, device: str) -> TowerCache:
    """Towers that compute as training needs them: the same whatever was measured on this machine."""
    fixed = fixed_execution(recipe.runtime, device, None)
    return TowerCache(recipe, artifacts, device, lambda tower: fixed)
