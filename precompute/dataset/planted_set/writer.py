"""The sample set on disk: an ImageFolder with metadata, planted evidence and a table of classes."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from db.errors import UserError
from precompute.dataset.planted_set.ocr_noise import planted_role, read_texts
from precompute.dataset.planted_set.products import PAIRS, PRODUCTS, Pair
from precompute.dataset.planted_set.scene import Photograph, draw_backdrop, photograph, random_scene
from precompute.recipe import derive_seed


@dataclass(frozen=True)
class _Task:
    """Photographs of both twins of a pair in one scene."""

    folder: Path
    pair: int
    split: str
    index: int
    seed: int


def write_planted_set(
    folder: Path, seed: int = 0, train_per_class: int = 32, test_per_class: int = 14, workers: int = 2
) -> None:
    """Draw the sample set as a Hugging Face ImageFolder.

    Writes `<split>/<class>/<class>_<number>.jpg`, `<split>/metadata.jsonl` with `file_name`, `label`, `ocr` and
    `evidence`, and `classes.csv`. Twins come in matched pairs: photograph n of a class and of its twin show the same
    scene and the same readings but for what tells them apart, so nothing else can. Same seed, same bytes, for any
    number of workers.

    Raises:
        UserError: the folder holds something already.
    """
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder}: holds files already; choose an empty or a new folder for the sample set")
    tasks = [
        _Task(folder, pair, split, index, derive_seed(seed, PAIRS[pair].twins[0].family, split, index))
        for split, count in (("train", train_per_class), ("test", test_per_class))
        for pair in range(len(PAIRS))
        for index in range(count)
    ]
    for split in ("train", "test"):
        for product in PRODUCTS:
            (folder / split / product.label).mkdir(parents=True)
    if workers > 1:
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            lines = list(pool.map(_write_twins, tasks, chunksize=8))
    else:
        lines = list(map(_write_twins, tasks))
    for split in ("train", "test"):
        written = [line for task, pair in zip(tasks, lines, strict=True) if task.split == split for line in pair]
        _write_metadata(folder / split / "metadata.jsonl", sorted(written, key=lambda line: str(line["file_name"])))
    with (folder / "classes.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("label", "display_name", "family"))
        table.writerows((product.label, product.display_name, product.family) for product in PRODUCTS)


def _write_twins(task: _Task) -> list[dict[str, Any]]:
    """Draw, save and describe both twins of a scene."""
    pair = PAIRS[task.pair]
    look = pair.twins[0].look
    scene = random_scene(look, np.random.default_rng(task.seed))
    backdrop = draw_backdrop(scene, look)
    lines = []
    for twin, product in enumerate(pair.twins):
        photo = photograph(product, scene, backdrop)
        name = f"{product.label}/{product.label}_{task.index + 1:03d}.jpg"
        photo.picture.save(task.folder / task.split / name, quality=90)
        lines.append({"file_name": name, "label": product.label, **describe(photo, pair, twin, task.seed)})
    return lines


def describe(photo: Photograph, pair: Pair, twin: int, seed: int) -> dict[str, Any]:
    """The readings and the planted evidence of a photograph, as metadata.jsonl holds them."""
    own, other = (_telling_text(pair, which) for which in (twin, 1 - twin))
    readings = read_texts(photo.texts, pair.kind, (own, other), seed)
    evidence: list[dict[str, Any]] = [
        {"kind": "entry", "entry": position, "polygon": reading.polygon}
        for position, reading in enumerate(readings)
        if reading.planted
    ]
    if pair.kind in ("picture", "both"):
        evidence.append({"kind": "region", "polygon": photo.region})
    ocr = [{"text": r.text, "polygon": r.polygon, "confidence": r.confidence} for r in readings]
    return {"ocr": ocr, "evidence": evidence}


def _telling_text(pair: Pair, twin: int) -> str:
    product = pair.twins[twin]
    return product.weight if planted_role(pair.kind) == "weight" else product.word


def _write_metadata(path: Path, lines: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
