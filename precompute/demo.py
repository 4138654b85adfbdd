"""The built-in sample set on disk, and whether its run is complete already."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from db.address import shown
from db.session import create, finish
from precompute.pipeline import default_artifacts, is_finished
from precompute.progress import say
from precompute.recipe import RECIPES, read_recipe


def prepare_demo(url: str) -> Path | None:
    """Draw the sample set beside the database where it is not there yet.

    Returns:
        The data set's folder, or None where its run is finished.
    """
    dataset = default_artifacts(url).resolve() / "dataset"
    recipe = read_recipe(RECIPES / "demo.toml")
    engine = create(url)
    finished = is_finished(engine, recipe, dataset)
    finish(engine)
    if finished:
        say(f"demo: {shown(url)} is complete; remove it to compute it anew")
        return None
    if not dataset.exists():
        from precompute.dataset.planted_set.writer import write_planted_set

        say("demo: drawing the sample set")
        drawn = dataset.with_name(f"dataset.{os.getpid()}")
        shutil.rmtree(drawn, ignore_errors=True)
        write_planted_set(drawn, seed=recipe.seed)
        drawn.rename(dataset)
    return dataset
