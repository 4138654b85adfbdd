"""Top features of explanations: the superpixels and OCR entries with the greatest weights (P1 §4.2)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Literal

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.schema.columns import Vector
from db.schema.tables import Explanation, OcrEntry, Sample, WorkUnit

Modality = Literal["image", "text"]


@dataclass(frozen=True, slots=True)
class StoredExplanation:
    """One sample's explanation of its true class; `texts` = the OCR entries that `text_weights` weigh.

    `stamp` changes whenever the explanation is computed anew.
    """

    id: int
    sample_id: int
    sample: str
    image_weights: Vector
    text_weights: Vector
    texts: tuple[str, ...]
    stamp: str


@dataclass(frozen=True, slots=True)
class Feature:
    """One superpixel (`index` = segment id) or entry (`index` = position, with its text) of one explanation.

    `norm` is ‖w‖₁ of the whole explanation, both modalities.
    """

    explanation_id: int
    sample_id: int
    sample: str
    index: int
    weight: float
    norm: float
    text: str = ""


def true_class_explanations(
    session: Session, model_id: int, category_id: int, split: Literal["train", "test", "all"] = "all"
) -> list[StoredExplanation]:
    """A model's explanations of a class on the samples of that class, ordered by sample path.

    Definition: docs/definitions.md, Global groups.
    """
    texts: dict[int, list[str]] = defaultdict(list)
    entries = (
        select(OcrEntry.sample_id, OcrEntry.text)
        .join(Sample, Sample.id == OcrEntry.sample_id)
        .where(Sample.category_id == category_id)
        .order_by(OcrEntry.sample_id, OcrEntry.position)
    )
    for sample_id, text in session.execute(entries):
        texts[sample_id].append(text)
    rows = (
        select(
            Explanation.id,
            Explanation.sample_id,
            Sample.path,
            Explanation.image_weights,
            Explanation.text_weights,
            WorkUnit.settings_hash,
            WorkUnit.finished_at,
        )
        .join(Sample, Sample.id == Explanation.sample_id)
        .join(WorkUnit, WorkUnit.id == Explanation.unit_id)
        .where(
            Sample.category_id == category_id,
            Explanation.model_id == model_id,
            Explanation.category_id == category_id,
        )
        .order_by(Sample.path)
    )
    if split != "all":
        rows = rows.where(Sample.split == split)
    return [
        StoredExplanation(
            explanation_id, sample_id, path, image, text, tuple(texts[sample_id]), f"{unit_hash} {finished.isoformat()}"
        )
        for explanation_id, sample_id, path, image, text, unit_hash, finished in session.execute(rows)
    ]


def explanation_stamps(
    session: Session, split: Literal["train", "test", "all"] = "all"
) -> dict[tuple[int, int], list[tuple[int, str]]]:
    """By (model, class) the (id, stamp) of each explanation that `true_class_explanations` gives, in that order."""
    query = (
        select(
            Explanation.model_id,
            Explanation.category_id,
            Explanation.id,
            WorkUnit.settings_hash,
            WorkUnit.finished_at,
        )
        .join(Sample, Sample.id == Explanation.sample_id)
        .join(WorkUnit, WorkUnit.id == Explanation.unit_id)
        .where(Explanation.category_id == Sample.category_id)
        .order_by(Sample.path)
    )
    if split != "all":
        query = query.where(Sample.split == split)
    stamps: dict[tuple[int, int], list[tuple[int, str]]] = defaultdict(list)
    for model_id, category_id, explanation_id, mark, finished in session.execute(query):
        stamps[model_id, category_id].append((explanation_id, f"{mark} {finished.isoformat()}"))
    return stamps


def l1_norm(image_weights: Vector, text_weights: Vector) -> float:
    """‖w‖₁ of an explanation, both modalities."""
    return float(np.abs(image_weights).sum(dtype=np.float64) + np.abs(text_weights).sum(dtype=np.float64))


def top_features(explanation: StoredExplanation, modality: Modality, top: int) -> list[Feature]:
    """The `top` features of a modality by weight, w > 0 only; ties go to the lower index.

    Definition: docs/definitions.md, Global groups.
    """
    weights = explanation.image_weights if modality == "image" else explanation.text_weights
    norm = l1_norm(explanation.image_weights, explanation.text_weights)
    heaviest = np.argsort(-weights, kind="stable")[:top]
    return [
        Feature(
            explanation_id=explanation.id,
            sample_id=explanation.sample_id,
            sample=explanation.sample,
            index=int(index),
            weight=float(weights[index]),
            norm=norm,
            text=explanation.texts[index] if modality == "text" else "",
        )
        for index in heaviest
        if weights[index] > 0
    ]
