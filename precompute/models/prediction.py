"""Predictions of several models at once, in which towers that they share are evaluated once."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from db.errors import UserError
from precompute.models.dual_stream import availability
from precompute.models.protocol import DualStreamModel, Entries, Model


def predict_all(models: Mapping[str, Model], images: Tensor, entries: list[Entries]) -> dict[str, Tensor]:
    """Probabilities of every model, each tower evaluated once however many models share it.

    Returns:
        float32 [n, len(model.classes)] by model name.

    Raises:
        UserError: a model gives NaN, as one does whose training diverged.
    """
    available = availability(len(images), entries)
    image_embeddings: dict[int | str, Tensor] = {}
    text_embeddings: dict[int | str, Tensor] = {}
    probabilities = {}
    for name, model in models.items():
        if not isinstance(model, DualStreamModel):
            probabilities[name] = model.predict(images, entries)
            continue
        image, text = tower_identity(model.image_tower, name), tower_identity(model.text_tower, name)
        if image not in image_embeddings:
            image_embeddings[image] = model.embed_images(images)
        if text not in text_embeddings:
            text_embeddings[text] = model.embed_texts(entries)
        probabilities[name] = model.fuse(image_embeddings[image], text_embeddings[text], available)
    for name, answer in probabilities.items():
        if not torch.isfinite(answer).all():
            raise UserError(
                f"model {name}: gives NaN for probabilities: its training diverged; "
                "lower training.learning_rate in the recipe and run the train stage"
            )
    return probabilities


def tower_identity(tower: object, model: str) -> int | str:
    """What two models must have in common to share embeddings; None is no tower, and shared with nobody."""
    return model if tower is None else id(tower)
