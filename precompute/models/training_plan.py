"""Which models of a recipe are trained end to end, which alone on embeddings, and what must be trained before.

Frozen towers: every head is trained on their embeddings. One pair a model: every model is trained end to end, save
score fusion, whose linear layer joins the trained unimodal models. One trained pair for all: the two unimodal models
are trained end to end, then their towers serve the three fusions, frozen. An embedding classifier uses the image tower
as it came where that is frozen, else as the image model has trained it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from precompute.recipe import ModelKind, Recipe, TowersSettings

TowerRole = Literal["image_tower", "text_tower"]
UNIMODAL: tuple[ModelKind, ...] = ("image", "text")


def trained_end_to_end(towers: TowersSettings, kind: ModelKind) -> bool:
    """Whether a model's checkpoint holds towers of its own, trained with its head."""
    joined = kind in ("score_fusion", "embedding")
    return not towers.frozen and (kind in UNIMODAL or (not towers.shared and not joined))


def prerequisites(towers: TowersSettings, kind: ModelKind) -> tuple[ModelKind, ...]:
    """The kinds of models that must be trained before."""
    needs_towers = not towers.frozen and not trained_end_to_end(towers, kind)
    if kind == "embedding":
        return ("image",) if needs_towers else ()
    return UNIMODAL if kind == "score_fusion" or needs_towers else ()


def tower_roles(kind: ModelKind) -> tuple[TowerRole, ...]:
    """The towers that a model has."""
    if kind in ("embedding", "image"):
        return ("image_tower",)
    return ("text_tower",) if kind == "text" else ("image_tower", "text_tower")


def training_steps(recipe: Recipe) -> int:
    """Steps of the progress bar: an epoch each, and a copy of the data embedded by a tower each."""
    kinds: set[ModelKind] = {model.kind for model in recipe.models if model.kind != "own"}
    kinds |= {part for kind in kinds for part in prerequisites(recipe.towers, kind)}
    heads = kinds - {"embedding"}
    embedded = {role for kind in heads if not trained_end_to_end(recipe.towers, kind) for role in tower_roles(kind)}
    return len(kinds) * recipe.training.epochs + len(embedded) * (recipe.training.augmented_copies + 1)


class StepCounter:
    """Counts finished steps of the plan for the progress bar."""

    def __init__(self, progress: Callable[[int, int], None], total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0
        progress(0, total)

    def advance(self, steps: int = 1) -> None:
        self._done += steps
        self._progress(self._done, self._total)
