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
import datetime
import json
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from sqlalchemy import Connection, Engine, func, insert, select
from torch import Tensor

from db.schema.base import Base
from db.schema.tables import Category, Explanation, GlobalGroup, Model, OcrEntry, Run, Sample, Segmentation, WorkUnit
from db.session import create, finish
from precompute.dataset.changes import file_digest
from precompute.engine import run_stage
from precompute.global_explanations.image_groups import SuperpixelEmbeddings
from precompute.global_explanations.ranking import rank_global_stage
from precompute.global_explanations.stage import GroupingState, embedding, explain_global_stage
from precompute.local_explanations.superpixels import encode_label_map
from precompute.recipe import Recipe
from tests.run_context import open_context

BLOCKS, BLOCK = 10, 4
"""A picture has BLOCKS x BLOCKS superpixels of BLOCK x BLOCK pixels."""
ENTRIES, WIDTH = 27, 256
LETTERS = list("abcdefghijklmnoprstuvåäö")
NOW = datetime.datetime(2026, 1, 1)
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


def _pictures(folder: Path, samples: int) -> None:
    """One picture a sample number, shared by all classes: 100 colours, a little off in every sample."""
    generator = np.random.default_rng(0)
    colours = generator.integers(30, 226, (BLOCKS, BLOCKS, 3))
    for number in range(samples):
        off = colours + generator.normal(0, 6, colours.shape)
        pixels = np.kron(off, np.ones((BLOCK, BLOCK, 1))).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03}.png")


def _misread(word: str, generator: np.random.Generator) -> str:
    letters = [
        str(generator.choice(LETTERS)) if generator.random() < 0.04 and not letter.isdigit() else letter
        for letter in word
    ]
    return "".join(letters).upper() if generator.random() < 0.3 else "".join(letters)


def _add(connection: Connection, table: type[Base], rows: list[dict[str, Any]]) -> None:
    connection.execute(insert(table), rows)


def build(folder: Path, classes: int, samples: int, models: int) -> str:
    """A database of stored explanations; every class relies on its own few blocks and words, and on shared ones."""
    url = f"sqlite:///{folder}/explanations.db"
    engine = create(url)
    (folder / "pictures").mkdir()
    _pictures(folder / "pictures", samples)
    hashes = [file_digest(picture) for picture in sorted((folder / "pictures").iterdir())]
    blocks = np.arange(BLOCKS * BLOCKS, dtype=np.int32).reshape(BLOCKS, BLOCKS)
    label_map = encode_label_map(np.kron(blocks, np.ones((BLOCK, BLOCK), dtype=np.int32)))
    for number in range(classes):  # every class has the same files, under its own name
        (folder / f"class-{number:03}").mkdir()
        for picture in (folder / "pictures").iterdir():
            os.link(picture, folder / f"class-{number:03}" / picture.name)
    shared = {"run_id": 1, "settings_hash": "h", "status": "done", "seconds": 0.0, "finished_at": NOW}
    labels = [f"class-{number:03}" for number in range(classes)]
    with engine.begin() as connection:
        run = {"settings": {}, "settings_hash": "r", "seed": 0, "versions": {}, "dataset": "", "artifacts": ""}
        _add(connection, Run, [{"id": 1, "started_at": NOW, **run}])
        made: dict[str, Any] = {
            "run_id": 1,
            "settings": {},
            "settings_hash": "m",
            "checkpoint_hash": "c",
            "classes": labels,
            "history": [],
        }
        kinds = ["image", *["feature_concatenation", "score_fusion", "embracenet"][:models]]
        _add(
            connection,
            Model,
            [
                {"id": place + 1, "name": kind, "kind": kind, "position": place, "explained": place > 0, **made}
                for place, kind in enumerate(kinds)
            ],
        )
        for number, label in enumerate(labels):
            _add_class(connection, number, label, hashes, models, label_map, shared)
    finish(engine)
    return url


def _add_class(
    connection: Connection,
    number: int,
    label: str,
    hashes: Sequence[str | None],
    models: int,
    label_map: bytes,
    shared: dict[str, Any],
) -> None:
    generator = np.random.default_rng([1, number])
    _add(connection, Category, [{"id": number + 1, "run_id": 1, "label": label}])
    brand = np.random.default_rng([2, number // 4])  # four classes share a brand
    words = ["".join(brand.choice(LETTERS, 8)) for _ in range(6)]
    words += ["".join(generator.choice(LETTERS, generator.integers(3, 12))) for _ in range(24)]
    words += [f"{generator.integers(1, 9)},5%", f"{generator.integers(1, 9)}00g"]
    strong_words = generator.choice(len(words), 4, replace=False)
    strong_blocks = generator.choice(BLOCKS * BLOCKS, 4, replace=False)
    rows: dict[type[Base], list[dict[str, Any]]] = {
        table: [] for table in (Sample, OcrEntry, Segmentation, WorkUnit, Explanation)
    }
    for index, picture_hash in enumerate(hashes):
        sample = number * len(hashes) + index + 1
        path = f"{label}/{index:03}.png"
        rows[Sample].append(
            {
                "id": sample,
                "run_id": 1,
                "path": path,
                "split": "train",
                "category_id": number + 1,
                "picture_hash": picture_hash,
                "entries_hash": "e",
                "width": 40,
                "height": 40,
            }
        )
        read = generator.integers(0, len(words), ENTRIES)
        rows[OcrEntry] += [
            {"sample_id": sample, "position": place, "text": _misread(words[word], generator), "polygon": []}
            for place, word in enumerate(read)
        ]
        size = BLOCKS * BLOCK
        rows[Segmentation].append(
            {
                "id": sample,
                "sample_id": sample,
                "settings_hash": "s",
                "segments": BLOCKS * BLOCKS,
                "width": size,
                "height": size,
                "label_map": label_map,
            }
        )
        for model in range(models):
            key = (sample - 1) * models + model + 1
            unit = {"id": key, "stage": "explain-local", "key": f"{model}|{sample}", "model_id": model + 2}
            rows[WorkUnit].append({**unit, "sample_id": sample, **shared})
            image, text = generator.normal(0, 0.01, BLOCKS * BLOCKS), generator.normal(0, 0.01, ENTRIES)
            image[strong_blocks] += generator.uniform(0, 0.2, 4)
            text[np.isin(read, strong_words)] += generator.uniform(0, 0.2)
            rows[Explanation].append(
                {
                    "id": key,
                    "unit_id": key,
                    "model_id": model + 2,
                    "sample_id": sample,
                    "segmentation_id": sample,
                    "category_id": number + 1,
                    "kind": "predicted",
                    "probability": 0.9,
                    "surrogate_prediction": 0.9,
                    "intercept": 0.1,
                    "r2": 0.8,
                    "image_evaluations": 320,
                    "text_evaluations": 320,
                    "sampler": "balanced",
                    "fill": "black",
                    "seed": 0,
                    "image_weights": image.astype(np.float32),
                    "text_weights": text.astype(np.float32),
                    "image_share": 0.5,
                    "image_share_positive": 0.5,
                    "probability_without_text": 0.5,
                    "probability_without_image": 0.5,
                }
            )
    for table, of_class in rows.items():
        _add(connection, table, of_class)


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


if __name__ == "__main__":
    main()
