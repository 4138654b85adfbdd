"""How long the global stage takes on synthetic stored explanations, and how it grows with the samples of a class.

python -m tests.benchmarks.global_stage                                   # 256 classes x 50 samples x 3 models
python -m tests.benchmarks.global_stage --classes 16 --samples 5 10 20 --models 1

Each size is a database of its own in a temporary folder, and is timed in a process of its own, so that the peak memory
is that of the stage alone. A sample has 100 superpixels and about 27 entries (P1 §4.1) with misreadings; a stand-in
for the image classifier turns a crop's mean colour into 256 values. Its time, with that of loading and cropping the
pictures, is told apart as `embedding`: it depends on the towers and on the machine, not on this stage.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from sqlalchemy import Engine, func, select
from torch import Tensor

from db.schema.tables import GlobalGroup
from db.session import create, finish
from precompute.engine import run_stage
from precompute.global_explanations.image_groups import SuperpixelEmbeddings
from precompute.global_explanations.ranking import rank_global_stage
from precompute.global_explanations.stage import GroupingState, embedding, explain_global_stage
from precompute.recipe import Recipe
from tests.benchmarks.global_database import BLOCK, BLOCKS, build
from tests.run_context import open_context

WIDTH = 256
RECIPE = Recipe.model_validate({"towers": {"image_size": BLOCKS * BLOCK}})


class _Classifier:
    """A crop's mean colour through fixed random waves: like colours are near each other."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        self._waves = torch.randn(3, WIDTH, generator=generator) * 6

    def embed_images(self, images: Tensor) -> Tensor:
        return images.mean(dim=(2, 3))

    def hidden(self, image_embeddings: Tensor) -> Tensor:
        return torch.relu(torch.cos(image_embeddings @ self._waves))


class _Timed:
    """Seconds spent in embedding parts."""

    def __init__(self) -> None:
        self.seconds = 0.0
        embed = SuperpixelEmbeddings.of

        def timed(parts: SuperpixelEmbeddings, features: Any) -> Any:
            started = time.perf_counter()
            found = embed(parts, features)
            self.seconds += time.perf_counter() - started
            return found

        SuperpixelEmbeddings.of = timed  # type: ignore[method-assign]


class _Setup:
    """In place of a trained image model."""

    @contextmanager
    def start(self) -> Iterator[GroupingState]:
        yield GroupingState(RECIPE, embedding(_Classifier, RECIPE.global_))


def _explain(engine: Engine, folder: Path, recipe: Recipe) -> None:
    context = open_context(engine, folder, recipe, run_id=1)
    for stage in (
        replace(explain_global_stage(recipe), setup=lambda context, tasks: _Setup()),
        rank_global_stage(recipe),
    ):
        assert not run_stage(context, stage).failed


def measure(url: str, folder: str, queue: Any) -> None:
    """Run the stage and put its figures into the queue; seconds, MB."""
    torch.set_num_threads(1)
    timed = _Timed()
    engine = create(url)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    started = time.perf_counter()
    _explain(engine, Path(folder), RECIPE)
    seconds = time.perf_counter() - started
    started = time.perf_counter()
    other = RECIPE.replaced(**{"global": {"score": "homogeneity"}})
    _explain(engine, Path(folder), other)
    rescored = time.perf_counter() - started
    with engine.connect() as connection:
        groups = dict(
            connection.execute(select(GlobalGroup.modality, func.count()).group_by(GlobalGroup.modality)).all()
        )
    finish(engine)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = {"seconds": seconds, "embedding": timed.seconds, "stage": seconds - timed.seconds, "rescored": rescored}
    queue.put({**figures, "imported_mb": before, "peak_mb": peak, "groups": groups})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", type=int, default=256)
    parser.add_argument(
        "--samples", type=int, nargs="+", default=[12, 25, 50], help="of a class, one size after another"
    )
    parser.add_argument("--models", type=int, default=3, choices=[1, 2, 3])
    options = parser.parse_args()
    spawned = multiprocessing.get_context("spawn")
    columns = ("samples", "seconds", "embedding", "stage", "rescored", "peak_mb", "ms a sample and model")
    print(f"{options.classes} classes, {options.models} models\n" + " ".join(f"{column:>12}" for column in columns))
    rows = []
    for samples in options.samples:
        with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
            url = build(Path(folder), options.classes, samples, options.models)
            queue = spawned.Queue()
            process = spawned.Process(target=measure, args=(url, folder, queue))
            process.start()
            figures = queue.get()
            process.join()
        each = 1000 * figures["stage"] / (options.classes * samples * options.models)
        rows.append({"samples": samples, **figures, "ms_each": each})
        numbers = [figures[name] for name in columns[1:-1]]
        print(f"{samples:12} " + " ".join(f"{number:12.1f}" for number in [*numbers, each]), flush=True)
    print(json.dumps({"classes": options.classes, "models": options.models, "rows": rows}))
