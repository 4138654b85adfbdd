"""What the results of each stage are made from: settings of the recipe, and results of other stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from precompute.recipe import ModelSettings, Recipe

INPUTS: Mapping[str, tuple[str, ...]] = {
    "explain-global": ("ingest", "explain-local"),
    "rank-global": ("explain-global",),
    "activation-classes": ("ingest", "predict", "activation"),
    "evaluate-deletion": ("explain-local", "explain-global"),
    "evaluate-deletion-summary": ("ingest", "evaluate-deletion"),
    "evaluate-faithfulness": ("explain-local",),
    "evaluate-localisation": ("ingest", "activation", "activation-classes"),
    "evaluate-superpixels": ("ingest", "explain-local"),
}
"""By stage the stages whose results it is made from; when those are deleted, its own are deleted with them.

What is deleted by itself, with its sample or its model, is not listed.
A new stage that is made from others gets a line here.
"""


def model_settings(recipe: Recipe, model: ModelSettings) -> Any:
    """What a trained model depends on beside the samples: not its name, position, or whether it is explained."""
    kind = model.model_dump(mode="json", include={"kind", "entry_point", "options"})
    parts = [kind, recipe.seed]
    if model.kind != "own":
        parts += [recipe.towers.model_dump(mode="json"), recipe.training.model_dump(mode="json")]
    if model.kind == "embedding":
        parts.append(recipe.embedding.model_dump(mode="json"))
    return parts


def _predict(recipe: Recipe) -> Any:
    return [recipe.towers.image_size, recipe.towers.text.max_words, recipe.runtime.precision]


def _explain_local(recipe: Recipe) -> Any:
    settings = recipe.explain.model_dump(mode="json", exclude={"split"})
    return [settings, recipe.seed, recipe.towers.image_size, recipe.runtime.precision]


def _explain_global(recipe: Recipe) -> Any:
    return recipe.global_.model_dump(mode="json", exclude={"score", "picks"})


def _rank_global(recipe: Recipe) -> Any:
    return [recipe.global_.score, recipe.global_.picks, recipe.global_.similarity]


def _activation(recipe: Recipe) -> Any:
    settings = recipe.activation.model_dump(mode="json", include={"tops", "variants"})
    return [settings, recipe.seed, recipe.towers.image_size, recipe.runtime.precision]


def _activation_classes(recipe: Recipe) -> Any:
    return [recipe.activation.class_features, recipe.activation.places, list(recipe.activation.tops)]


SETTINGS: Mapping[str, Callable[[Recipe], Any]] = {
    "predict": _predict,
    "explain-local": _explain_local,
    "explain-global": _explain_global,
    "rank-global": _rank_global,
    "activation": _activation,
    "activation-classes": _activation_classes,
}
"""By stage the settings of a recipe that its results depend on, as a JSON value."""
