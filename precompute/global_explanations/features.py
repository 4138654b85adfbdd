"""Top features of explanations: the superpixels and OCR entries with the greatest weights (P1 §4.2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from db.definitions.norms import l1_norm
from db.records.explanations import Modality, TrueClassExplanation


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


def top_features(explanation: TrueClassExplanation, modality: Modality, top: int) -> list[Feature]:
    """The `top` features of a modality by weight, w > 0 only; ties go to the lower index.

    Definition: docs/definitions.md, Global groups.
    """
    weights = explanation.image_weights if modality == "image" else explanation.text_weights
    norm = l1_norm(explanation.image_weights, explanation.text_weights)
    heaviest = np.argsort(-weights, kind="stable")[:top]
    return [
        Feature(
            explanation_id=explanation.explanation_id,
            sample_id=explanation.sample_id,
            sample=explanation.sample,
            index=int(index),
            weight=float(weights[index]),
            norm=norm,
            text=explanation.entries[index] if modality == "text" else "",
        )
        for index in heaviest
        if weights[index] > 0
    ]
