"""Training of a recipe's models: each is trained once, and taken from its checkpoint afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Generator, Tensor

from db.errors import UserError
from precompute.activation_maps.selection import select_features
from precompute.dataset.samples import LabelledSample
from precompute.models.checkpoints import StoredCheckpoint, prefixed, read_checkpoint, write_checkpoint
from precompute.models.end_to_end import EndToEnd, augmented_logits
from precompute.models.fitting import Fit, fit
from precompute.models.fusions import HEADS, Head, HeadShape, ScoreFusion
from precompute.models.loading import MODELS, read_head, training_towers
from precompute.models.own_models import load_own, own_hash
from precompute.models.runtimes import own_threads
from precompute.models.tower_loading import TINY, config_of, image_tower, text_tower
from precompute.models.towers import ImageTower, TextTower
from precompute.models.training_data import (
    Embedded,
    TrainingSet,
    draw_available,
    embed_copy,
    embed_images,
    embed_texts,
)
from precompute.models.training_plan import StepCounter, prerequisites, tower_roles, trained_end_to_end, training_steps
from precompute.progress import say
from precompute.recipe import ModelKind, Recipe, derive_seed, settings_hash

FORMAT = 1
"""Of checkpoints and of the meaning of training settings; raise it to have every model trained anew."""


@dataclass(frozen=True)
class TrainedModel:
    """A finished model; `checkpoint` is relative to the artifacts folder, None for a user's own model."""

    name: str
    kind: ModelKind
    checkpoint: str | None
    checkpoint_hash: str
    history: tuple[dict[str, Any], ...]


def train_models(
    recipe: Recipe,
    train: Sequence[LabelledSample],
    classes: Sequence[str],
    artifacts: Path,
    digest: str,
    device: str,
    progress: Callable[[int, int], None],
    trusted: Mapping[Path, str] = MappingProxyType({}),
) -> Iterator[TrainedModel]:
    """Train the recipe's models in their order; what has a finished checkpoint is not trained again.

    Args:
        digest: stands for all that the samples hold; another one means other checkpoints.
        device: where to train, `cpu` or `cuda`.
        progress: called with (done, total) steps, a step being an epoch or a copy of the data embedded.
        trusted: SHA-256 of each checkpoint that the database knows (see loading.known_files). Such a file must have it,
            any other must prove by its own digest and key what it is; else the model is trained anew.

    Raises:
        UserError: a tower or an own model cannot be used, a training diverged, or a checkpoint cannot be written.
    """
    training = Training(recipe, train, classes, artifacts, digest, device, progress, trusted)
    for settings in recipe.models:
        if settings.kind == "own":
            load_own(settings, classes)
            yield TrainedModel(settings.name, settings.kind, None, own_hash(settings), ())
            continue
        with own_threads():
            found = training.checkpoint(settings.kind)
        history = tuple(read_checkpoint(artifacts / found.path, found.sha256).header["history"])
        yield TrainedModel(settings.name, settings.kind, found.path, found.sha256, history)


class Training:
    """One recipe's training on one set of samples; parts that several models need are made once."""

    def __init__(
        self,
        recipe: Recipe,
        train: Sequence[LabelledSample],
        classes: Sequence[str],
        artifacts: Path,
        digest: str,
        device: str,
        progress: Callable[[int, int], None],
        trusted: Mapping[Path, str],
    ) -> None:
        if recipe.towers.frozen and TINY in (recipe.towers.image.name, recipe.towers.text.name):
            raise UserError("towers: 'tiny' starts from nothing and must be trained; set frozen = false")
        self._recipe = recipe
        self._classes = list(classes)
        self._artifacts = artifacts
        self._digest = digest
        self._data = TrainingSet(train, classes, recipe)
        self._device = device
        self._trusted = trusted
        self._towers = training_towers(recipe, artifacts, device)
        self._finished: dict[ModelKind, StoredCheckpoint] = {}
        self._embedded_images: Tensor | None = None
        self._embedded_texts: tuple[Tensor, Tensor] | None = None
        self._steps = StepCounter(progress, training_steps(recipe))

    def checkpoint(self, kind: ModelKind) -> StoredCheckpoint:
        """The finished checkpoint of a kind of model, trained if it is not there yet, whole and the right one."""
        if kind not in self._finished:
            refs = self._towers_of(kind)
            key = settings_hash(
                FORMAT, kind, self._recipe.seed, self._recipe.towers, self._recipe.training, self._classes,
                self._digest, refs, [self.checkpoint(part).sha256 for part in prerequisites(self._recipe.towers, kind)],
                *([self._recipe.embedding] if kind == "embedding" else []),
            )  # fmt: skip
            path = f"{MODELS}/{kind}-{key}.safetensors"
            sha256 = self._valid_checkpoint(self._artifacts / path, key)
            if sha256 is not None:
                self._steps.advance(self._recipe.training.epochs)
            else:
                sha256 = self._make(_Target(kind, key, path, refs))
            self._finished[kind] = StoredCheckpoint(path, sha256)
        return self._finished[kind]

    def _valid_checkpoint(self, path: Path, key: str) -> str | None:
        """SHA-256 of a checkpoint that is there already, None where there is none or it must be trained anew."""
        if not path.exists():
            return None
        try:
            found = read_checkpoint(path, self._trusted.get(path))
        except UserError:
            found = None
        if found is not None and (path in self._trusted or found.is_made_for(key)):
            return found.sha256
        say(f"train: checkpoint {path} is damaged or another model's; it is trained anew")
        return None

    def _make(self, target: _Target) -> str:
        if target.kind == "embedding":
            return self._grow_forest(target)
        if trained_end_to_end(self._recipe.towers, target.kind):
            return self._train_end_to_end(target)
        return self._train_head(target)

    def _towers_of(self, kind: ModelKind) -> dict[str, Any]:
        """How a head's checkpoint names its towers; empty where it holds them itself."""
        if trained_end_to_end(self._recipe.towers, kind):
            return {}
        return {role: self._tower_reference(role) for role in tower_roles(kind)}

    def _tower_reference(self, role: str) -> dict[str, Any]:
        part: ModelKind = "image" if role == "image_tower" else "text"
        if self._recipe.towers.frozen:
            tower = self._towers.named_image() if part == "image" else self._towers.named_text()
            settings = self._recipe.towers.image if part == "image" else self._recipe.towers.text
            return {"name": settings.name, "fingerprint": self._towers.fingerprint(tower)}
        found = self.checkpoint(part)
        return {"checkpoint": found.path, "sha256": found.sha256}

    def _train_end_to_end(self, target: _Target) -> str:
        kind = target.kind
        recipe, data = self._recipe, self._data
        image: ImageTower | None = None
        text: TextTower | None = None
        if kind != "text":
            seed = derive_seed(recipe.seed, kind, "image tower")
            image = image_tower(recipe.towers.image, recipe.towers.image_size, seed)
        if kind != "image":
            text = text_tower(recipe.towers.text, data.texts, derive_seed(recipe.seed, kind, "text tower"))
        head = self._new_head(kind, image.width if image else 0, text.width if text else 0)
        network = EndToEnd(image, text, head).to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]

        def logits(indices: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
            return augmented_logits(network, data, self._device, indices, generator)

        history = self._fit(target, network, logits)
        tensors = prefixed("head", head)
        towers: dict[str, Any] = {}
        if image is not None:
            tensors |= prefixed("image_tower", image.backbone)
            towers["image_tower"] = {"checkpoint": target.path, "config": config_of(image)}
        if text is not None:
            tensors |= prefixed("text_tower", text.backbone)
            own = {"config": config_of(text), "tokenizer": text.tokenizer.to_str()}
            towers["text_tower"] = {"checkpoint": target.path, **own}
        return self._write(target, head, tensors, towers, history)

    def _train_head(self, target: _Target) -> str:
        data = self._data
        embedded = self._embedded(target.towers)
        head = self._new_head(target.kind, embedded.images.shape[2], embedded.texts.shape[2])
        if isinstance(head, ScoreFusion):
            for part, module in (("image", head.image_head), ("text", head.text_head)):
                trained = self.checkpoint("image" if part == "image" else "text")
                whole = read_checkpoint(self._artifacts / trained.path, trained.sha256)
                module.load_state_dict(read_head(whole).state_dict())
                module.requires_grad_(False)

        def logits(indices: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
            image, text, available = embedded.draw(indices, generator)
            available = draw_available(available, data, generator)
            usable = head.usable(available)
            return head(image[usable], text[usable], available[usable]), data.labels[indices[usable]]

        history = self._fit(target, head, logits)
        return self._write(target, head, prefixed("head", head), target.towers, history)

    def _grow_forest(self, target: _Target) -> str:
        """P2 §3: features selected by mutual information, and what a forest on them is grown from."""
        data, settings = self._data, self._recipe.embedding
        embeddings = embed_copy(data, self._towers.image(target.towers), 0).numpy()
        seed = derive_seed(self._recipe.seed, "embedding")
        labels = data.labels.numpy()
        selected = select_features(embeddings, labels, self._classes, settings.features, seed)
        tensors = {
            "selected": torch.from_numpy(selected),
            "train": torch.from_numpy(embeddings[:, selected]),
            "labels": data.labels,
            "prior": data.prior,
        }
        header = {"kind": "embedding", "classes": self._classes, "trees": settings.trees, "seed": seed, "history": []}
        sha256 = write_checkpoint(self._artifacts / target.path, tensors, header | target.towers, target.key)
        self._steps.advance(self._recipe.training.epochs)
        return sha256

    def _embedded(self, towers: dict[str, Any]) -> Embedded:
        """Embeddings of all copies by the towers of a head; each tower goes over the data once for all heads."""
        data, step = self._data, self._steps.advance
        copies, count = self._recipe.training.augmented_copies + 1, len(data)
        images = torch.zeros(copies, count, 0)
        texts, readable = torch.zeros(copies, count, 0), torch.zeros(copies, count, dtype=torch.bool)
        if "image_tower" in towers:
            if self._embedded_images is None:
                self._embedded_images = embed_images(data, self._towers.image(towers), step)
            images = self._embedded_images
        if "text_tower" in towers:
            if self._embedded_texts is None:
                self._embedded_texts = embed_texts(data, self._towers.text(towers), step)
            texts, readable = self._embedded_texts
        return Embedded(images, texts, readable)

    def _new_head(self, kind: ModelKind, image: int, text: int) -> Head:
        settings = self._recipe.training
        shape = HeadShape(image, text, settings.hidden_width, len(self._classes), settings.dropout)
        with torch.random.fork_rng():
            torch.manual_seed(derive_seed(self._recipe.seed, kind, "head"))
            return HEADS[kind](shape, self._data.prior)

    def _fit(self, target: _Target, module: torch.nn.Module, logits: Any) -> list[dict[str, Any]]:
        settings, seed = self._recipe.training, derive_seed(self._recipe.seed, "training")
        progress = (self._artifacts / target.path).with_suffix(".unfinished")
        job = Fit(target.kind, module, logits, len(self._data), settings, seed, progress, target.key)
        return fit(job, self._steps.advance)

    def _write(
        self, target: _Target, head: Head, tensors: dict[str, Tensor], towers: dict[str, Any], history: Any
    ) -> str:
        own = {"kind": target.kind, "classes": self._classes, "head": vars(head.shape), "history": history}
        path = self._artifacts / target.path
        sha256 = write_checkpoint(path, tensors, own | towers, target.key)
        path.with_suffix(".unfinished").unlink(missing_ok=True)
        return sha256


@dataclass(frozen=True)
class _Target:
    """A checkpoint to be trained.

    Attributes:
        key: hash of all that the model depends on.
        path: relative to the artifacts folder.
        towers: how the checkpoint names its towers; empty where it holds them itself.
    """

    kind: ModelKind
    key: str
    path: str
    towers: dict[str, Any]
