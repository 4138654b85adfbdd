"""The table of numbers beside an explanation, each with its meaning in words.

Definition: docs/definitions.md, Local explanation, Modality share.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.templating import percent, thousands
from db.records.explanations import ExplanationView


@dataclass(frozen=True)
class Cell:
    """One number of the table of figures."""

    kind: str
    text: str


@dataclass(frozen=True)
class FigureLine:
    """One figure of all explained classes, with its meaning in words."""

    name: str
    meaning: str
    cells: list[Cell]


def figure_lines(explanations: list[ExplanationView]) -> list[FigureLine]:
    """All figures, a cell an explanation."""

    def line(name: str, meaning: str, texts: list[str]) -> FigureLine:
        cells = [Cell(found.kind, text) for found, text in zip(explanations, texts, strict=True)]
        return FigureLine(name, meaning, cells)

    return [
        line(
            "Image share",
            "How much of all weight lies on the picture; the rest lies on the words.",
            [percent(found.image_share) for found in explanations],
        ),
        line(
            "Image share, in favour",
            "The same, of the evidence in favour of the class only.",
            [percent(found.image_share_positive) for found in explanations],
        ),
        line(
            "Without any words",
            "What the model gives this class when every word is removed.",
            [percent(found.probability_without_text, 1) for found in explanations],
        ),
        line(
            "Without the picture",
            "What the model gives this class when the whole picture is blacked out.",
            [percent(found.probability_without_image, 1) for found in explanations],
        ),
        line(
            "Model",
            "What the model gives this class on the untouched sample.",
            [percent(found.probability, 1) for found in explanations],
        ),
        line(
            "Explanation's estimate",
            "What the explanation, a simple sum of weights, makes of the same sample. Close to the model is good.",
            [percent(found.surrogate_prediction, 1) for found in explanations],
        ),
        line(
            "Fit (R²)",
            "How well the explanation follows the model around this sample: 1 = exactly, 0 = not at all.",
            [f"{found.r2:.2f}" for found in explanations],
        ),
        line(
            "Altered pictures tried",
            "How many pictures with parts blacked out the model was shown to find this out.",
            [thousands(found.image_evaluations) for found in explanations],
        ),
        line(
            "Altered texts tried",
            "How many texts with words left out the model was shown to find this out.",
            [thousands(found.text_evaluations) for found in explanations],
        ),
    ]
