"""A user's own model: imported from `module:Class`, and held to the protocol in every answer."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from db.errors import UserError
from precompute.models.protocol import Entries, Model
from precompute.recipe import ModelSettings, settings_hash


def load_own(settings: ModelSettings, classes: Sequence[str]) -> Model:
    """Make a user's model; the working folder is on the import path.

    Args:
        classes: the data set's; the model's own may be in another order, its answers are brought into this one.

    Raises:
        UserError: module, class or attribute missing, options refused, other classes than the data set's.
    """
    where = f"model {settings.name}, entry_point {settings.entry_point}"
    module_name, _, class_name = (settings.entry_point or "").partition(":")
    if not module_name or not class_name:
        raise UserError(f"{where}: expected 'module:Class'; fix the recipe")
    _look_here()
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # the user's module may raise anything while it is read
        raise UserError(f"{where}: cannot import it from {Path.cwd()} ({error}); run where the module lies") from error
    made = getattr(module, class_name, None)
    if not isinstance(made, type):
        raise UserError(f"{where}: module {module_name} has no class {class_name}; fix the recipe")
    try:
        model = made(**settings.options)
    except Exception as error:  # the user's code may raise anything; the cause stays attached
        raise UserError(f"{where}: cannot be made with options {settings.options} ({error})") from error
    if not isinstance(model, Model):
        raise UserError(f"{where}: needs `classes` and `predict(images, entries)`; see docs on own models")
    own = list(model.classes)
    if sorted(own) != sorted(classes):
        odd = sorted(set(own) ^ set(classes))
        raise UserError(
            f"{where}: its classes differ from the data set's ({', '.join(odd[:5])}); retrain or rename them"
        )
    order = [own.index(label) for label in classes]
    apart = all(callable(getattr(model, method, None)) for method in ("embed_images", "embed_texts", "fuse"))
    checked = CheckedDualStream if apart else CheckedModel
    return checked(model, where, list(classes), order)


def own_hash(settings: ModelSettings) -> str:
    """SHA-256 of an own model's entry point, options and source file: what is known of it without evaluating it.

    A source that is not found counts as empty; `load_own` says what is wrong.
    """
    _look_here()
    try:
        spec = importlib.util.find_spec((settings.entry_point or "").partition(":")[0])
    except Exception:  # the user's package may raise anything while it is read
        spec = None
    source = Path(spec.origin).read_bytes() if spec and spec.origin else b""
    return hashlib.sha256(settings_hash(settings.model_copy(update={"explain": None})).encode() + source).hexdigest()


def _look_here() -> None:
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))


class CheckedModel:
    """A model given tensors on the CPU; its answers are checked and brought into the data set's order of classes."""

    def __init__(self, model: Any, where: str, classes: list[str], order: list[int]) -> None:
        self.classes = classes
        self._model = model
        self._where = where
        self._order = order

    def predict(self, images: Tensor, entries: list[Entries]) -> Tensor:
        """Probabilities float32 [n, c].

        Raises:
            UserError: the answer has another shape, is not finite, or has rows that do not sum to 1.
        """
        return self._checked(self._model.predict(images.cpu(), entries), len(images), "predict")

    def _checked(self, answer: Any, rows: int, method: str) -> Tensor:
        expected = (rows, len(self.classes))
        if not isinstance(answer, Tensor) or tuple(answer.shape) != expected:
            got = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
            raise UserError(f"{self._where}: {method} gave {got}, expected a tensor {expected} of probabilities")
        answer = answer.detach().to("cpu", torch.float32)
        if not torch.isfinite(answer).all():
            raise UserError(f"{self._where}: {method} gave NaN or infinite values; expected probabilities")
        sums = answer.sum(dim=1)
        if (answer < -1e-6).any() or not torch.allclose(sums, torch.ones(rows), atol=1e-3):
            raise UserError(f"{self._where}: {method} gave rows that are no probabilities; apply softmax")
        ordered: Tensor = answer[:, self._order]
        return ordered


class CheckedDualStream(CheckedModel):
    """The same for a model with two towers; where it does not name one, the tower is shared with no other model."""

    @property
    def image_tower(self) -> object:
        return getattr(self._model, "image_tower", None)

    @property
    def text_tower(self) -> object:
        return getattr(self._model, "text_tower", None)

    def embed_images(self, images: Tensor) -> Tensor:
        return self._embeddings(self._model.embed_images(images.cpu()), len(images), "embed_images")

    def embed_texts(self, entries: list[Entries]) -> Tensor:
        return self._embeddings(self._model.embed_texts(entries), len(entries), "embed_texts")

    def fuse(self, image_embeddings: Tensor, text_embeddings: Tensor, available: Tensor) -> Tensor:
        answer = self._model.fuse(image_embeddings, text_embeddings, available)
        return self._checked(answer, len(available), "fuse")

    def _embeddings(self, answer: Any, rows: int, method: str) -> Tensor:
        if not isinstance(answer, Tensor) or answer.dim() != 2 or len(answer) != rows:
            raise UserError(f"{self._where}: {method} must give a tensor of {rows} rows, one embedding each")
        return answer.detach().cpu()
