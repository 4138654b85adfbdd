"""A database of P1's size: synthetic numbers written in bulk through the mappings, pictures of the sample set."""

from __future__ import annotations

import datetime
import itertools
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, insert
from tqdm import tqdm

from db.records.written import PictureRecord
from db.schema.base import Base
from db.schema.tables import (
    Category,
    Evaluation,
    Explanation,
    GlobalGroup,
    GlobalMember,
    Model,
    OcrEntry,
    Picture,
    Prediction,
    Run,
    Sample,
    Segmentation,
    WorkUnit,
)
from db.session import create, finish
from tests.benchmarks.browse.material import MODEL_SIZE, ORIGINAL, Photograph, draw_photographs, draw_sheet
from tests.benchmarks.browse.synthetic import brand_name, class_vocabulary, draw_readings, draw_weights

KINDS = ("feature_concatenation", "score_fusion", "embracenet")
RIGHT = 0.96
"""The accuracy of P1's better fusions (Table 1)."""
EXPLANATIONS_A_SAMPLE = 3 - RIGHT
"""Of the predicted class and the runner-up, and of the true class where it is neither predicted."""
GROUPS, MEMBERS, SHARED = 5, 12, 40
FAMILIES = 64
NOW = datetime.datetime(2026, 1, 1)

Rows = dict[type[Base], list[dict[str, Any]]]


def build(path: Path, classes: int, samples: int, models: int) -> None:
    """Fill a new SQLite file; all samples are test samples, explained by all models."""
    building = path.with_suffix(".building")
    building.unlink(missing_ok=True)
    photographs = draw_photographs()
    engine = create(f"sqlite:///{building}")
    maker = _Maker(photographs, classes, samples, models)
    with engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        _add(connection, maker.heads())
        for number in tqdm(range(classes), "building", unit="class"):
            _add(connection, maker.of_class(number))
    finish(engine)
    building.rename(path)


def _add(connection: Connection, rows: Rows) -> None:
    for table, of_table in rows.items():
        if of_table:
            connection.execute(insert(table), of_table)


class _Maker:
    """The rows of each class in turn; keys count up, so that any row can point to any other."""

    def __init__(self, photographs: list[Photograph], classes: int, samples: int, models: int) -> None:
        self._photographs, self._classes, self._samples, self._models = photographs, classes, samples, models
        self._units, self._explanations, self._groups = (itertools.count(1) for _ in range(3))
        self._labels = [f"{7310000000000 + 37 * number}" for number in range(classes)]
        self._random = np.random.default_rng(0)
        self._sheets: dict[int, tuple[PictureRecord, dict[str, object]]] = {}

    def heads(self) -> Rows:
        """The run, the models and the classes, and what is measured of each model."""
        run = {"settings": {"recipe": {"global": {"score": "normlime"}}}, "settings_hash": "r", "seed": 0}
        run |= {"versions": {}, "dataset": "/data/p1", "artifacts": "", "started_at": NOW, "finished_at": NOW}
        models = []
        for number in range(self._models):
            kind = KINDS[number % len(KINDS)]
            name = kind if number < len(KINDS) else f"{kind}-{number // len(KINDS) + 1}"
            models.append(
                {
                    "id": number + 1,
                    "run_id": 1,
                    "name": name,
                    "kind": kind,
                    "position": number,
                    "explained": True,
                    "settings": {},
                    "settings_hash": "m",
                    "checkpoint_hash": "c",
                    "classes": self._labels,
                    "history": [],
                    "accuracy": RIGHT,
                    "top3_accuracy": 0.99,
                    "confusion": self._confusion(),
                }
            )
        categories = [
            {
                "id": number + 1,
                "run_id": 1,
                "label": label,
                "display_name": f"{brand_name(number)} {number:03}",
                "family": f"family {number % FAMILIES}",
            }
            for number, label in enumerate(self._labels)
        ]
        unit = self._unit("evaluate-deletion", "all")
        return {Run: [{"id": 1, **run}], Model: models, Category: categories, WorkUnit: [unit]}

    def _confusion(self) -> list[list[Any]]:
        wrong = max(round(self._samples * (1 - RIGHT)), 1)
        pairs = []
        for number, label in enumerate(self._labels):
            pairs.append([label, label, self._samples - wrong])
            pairs.append([label, self._labels[number ^ 1 if number ^ 1 < self._classes else 0], wrong])
        return pairs

    def of_class(self, number: int) -> Rows:
        """All rows of one class."""
        rows: Rows = defaultdict(list)
        random = np.random.default_rng([1, number])
        first = number * self._samples
        shown = [self._photographs[(first + index) % len(self._photographs)] for index in range(self._samples)]
        paths = [f"test/{self._labels[number]}/{index:04}.jpg" for index in range(self._samples)]
        words = class_vocabulary(number)
        texts = []
        for index, (photograph, path) in enumerate(zip(shown, paths, strict=True)):
            sample = first + index + 1
            texts.append(draw_readings(words, random))
            self._add_sample(rows, sample, number, path, photograph, texts[-1], random)
        self._add_sheet(rows, number, shown, paths)
        for model in range(1, self._models + 1):
            explained = [
                self._add_outcome(rows, model, first + index + 1, number, shown[index].segments, len(texts[index]))
                for index in range(self._samples)
            ]
            self._add_groups(rows, model, number, first, explained, shown, texts)
        return rows

    def _add_sample(
        self,
        rows: Rows,
        sample: int,
        number: int,
        path: str,
        photograph: Photograph,
        texts: list[str],
        random: np.random.Generator,
    ) -> None:
        width, height = ORIGINAL
        key = {"id": sample, "run_id": 1, "path": path, "split": "test", "category_id": number + 1}
        rows[Sample].append({**key, "picture_hash": "p", "entries_hash": "e", "width": width, "height": height})
        for position, text in enumerate(texts):
            polygon = photograph.polygons[position % len(photograph.polygons)]
            down = 90.0 * (position // len(photograph.polygons))
            moved = [(round(x, 1), round(min(y + down, height), 1)) for x, y in polygon]
            confidence = float(random.uniform(0.7, 1))
            entry = {"sample_id": sample, "position": position, "text": text}
            rows[OcrEntry].append({**entry, "polygon": moved, "confidence": confidence})
        for kind, encoded in (("display", photograph.display), ("thumbnail", photograph.thumbnail)):
            rows[Picture].append({**_picture(kind, encoded), "sample_id": sample})
        rows[Segmentation].append(
            {
                "id": sample,
                "sample_id": sample,
                "settings_hash": "s",
                "segments": photograph.segments,
                "width": MODEL_SIZE[0],
                "height": MODEL_SIZE[1],
                "label_map": photograph.label_map,
            }
        )

    def _add_sheet(self, rows: Rows, number: int, shown: list[Photograph], paths: list[str]) -> None:
        """Drawn once for each first photograph: the classes take their turns."""
        start = number * self._samples % len(self._photographs)
        if start not in self._sheets:
            self._sheets[start] = draw_sheet(shown, paths)
        encoded, layout = self._sheets[start]
        owner = {"category_id": number + 1, "split": "test", "sample_id": None, "layout": {**layout, "samples": paths}}
        rows[Picture].append({**_picture("sprite", encoded), **owner})

    def _add_outcome(self, rows: Rows, model: int, sample: int, number: int, segments: int, entries: int) -> int:
        """A prediction with its explanations and its evaluation; returns the explanation of the true class."""
        random = self._random
        right = random.random() < RIGHT
        twin = number ^ 1 if number ^ 1 < self._classes else 0
        order = [number, twin] if right else [twin, number]
        probabilities = random.random(self._classes, dtype=np.float32)
        probabilities *= 0.05 / probabilities.sum()
        probabilities[order[0]] += 0.75
        probabilities[order[1]] += 0.2
        unit = self._unit("explain-local", f"{model}|{sample}", model_id=model, sample_id=sample)
        rows[WorkUnit].append(unit)
        owner = {"unit_id": unit["id"], "model_id": model, "sample_id": sample}
        predicted = {"category_id": order[0] + 1, "probability": float(probabilities[order[0]])}
        rows[Prediction].append({**owner, **predicted, "probabilities": probabilities})
        keys = []
        for kind, target in zip(("predicted", "runner_up" if right else "true"), order, strict=True):
            keys.append(next(self._explanations))
            numbers = draw_weights(random, segments, entries, float(probabilities[target]))
            made = {"id": keys[-1], **owner, "segmentation_id": sample, "category_id": target + 1, "kind": kind}
            rows[Explanation].append({**made, **numbers})
        if not right:
            third = (number + 2) % self._classes
            numbers = draw_weights(random, segments, entries, float(probabilities[third]))
            made = {"id": next(self._explanations), **owner, "segmentation_id": sample, "kind": "runner_up"}
            rows[Explanation].append({**made, "category_id": third + 1, **numbers})
        figures = {"deletion_auc": 0.3, "insertion_auc": 0.75, "random_deletion_auc": 0.5}
        figures |= {"random_insertion_auc": 0.55, "r2": 0.8, "stability": 0.9}
        rows[Evaluation].append({**owner, "kind": "faithfulness", "figures": figures})
        return keys[0] if right else keys[1]

    def _add_groups(
        self,
        rows: Rows,
        model: int,
        number: int,
        first: int,
        explained: list[int],
        shown: list[Photograph],
        texts: list[list[str]],
    ) -> None:
        unit = self._unit("explain-global", f"{model}|{number}", model_id=model)
        rows[WorkUnit].append(unit)
        for modality, rank in itertools.product(("image", "text"), range(1, GROUPS + 1)):
            members = [index for index in range(self._samples) if modality == "image" or texts[index]]
            members = list(self._random.permutation(members)[:MEMBERS])
            if not members:
                continue
            group = next(self._groups)
            spelling = texts[members[0]][0] if modality == "text" else f"image group {rank}"
            rows[GlobalGroup].append(
                {
                    "id": group,
                    "unit_id": unit["id"],
                    "model_id": model,
                    "category_id": number + 1,
                    "modality": modality,
                    "rank": rank,
                    "name": spelling,
                    "score": 0.1 / rank,
                    "samples": len(members),
                    "spellings": {spelling: len(members)} if modality == "text" else {},
                    "concept": (rank * 7 + number // 4) % SHARED if rank == 1 else None,
                }
            )
            for index, sample in enumerate(members):
                features = shown[sample].segments if modality == "image" else len(texts[sample])
                rows[GlobalMember].append(
                    {
                        "group_id": group,
                        "explanation_id": explained[sample],
                        "sample_id": first + int(sample) + 1,
                        "feature": int(self._random.integers(features)),
                        "weight": 0.2 / (index + 1),
                        "representative": index == 0,
                    }
                )

    def _unit(self, stage: str, key: str, **owner: int) -> dict[str, Any]:
        done = {"run_id": 1, "settings_hash": "h", "status": "done", "seconds": 1.0, "finished_at": NOW}
        none = {"model_id": None, "sample_id": None}
        return {"id": next(self._units), "stage": stage, "key": key, **none, **owner, **done}


def _picture(kind: str, encoded: PictureRecord) -> dict[str, Any]:
    return {
        "kind": kind,
        "media_type": encoded.media_type,
        "width": encoded.width,
        "height": encoded.height,
        "digest": encoded.digest,
        "content": encoded.content,
        "category_id": None,
        "split": None,
        "layout": None,
    }
