"""Stored explanations in bulk, for the benchmark of the global stage."""

from __future__ import annotations

import datetime
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sqlalchemy import Connection, insert

from db.schema.base import Base
from db.schema.tables import Category, Explanation, Model, OcrEntry, Run, Sample, Segmentation, WorkUnit
from db.session import create, finish
from precompute.dataset.changes import file_digest
from precompute.local_explanations.superpixels import encode_label_map

BLOCKS, BLOCK = 10, 4
"""A picture has BLOCKS x BLOCKS superpixels of BLOCK x BLOCK pixels."""
ENTRIES = 27
LETTERS = list("abcdefghijklmnoprstuvåäö")
NOW = datetime.datetime(2026, 1, 1)


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
