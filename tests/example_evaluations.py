"""What evaluations would have measured of the example database; made-up figures in the shape of db/README.md."""

from __future__ import annotations

from db.definitions.stability import stability
from db.schema.tables import Evaluation, Explanation


def deletion_rows(model_id: int) -> list[Evaluation]:
    """The model relies on its picture parts; its words are not shown to matter."""
    rows = []
    for modality, top_removed, random_removed, interval in (
        ("image", 0.62, 0.9, [0.17, 0.39]),
        ("text", 0.9, 0.88, [-0.06, 0.02]),
    ):
        figures = {
            "samples": 50,
            "untouched": 1.0,
            "top_removed": top_removed,
            "random_removed": random_removed,
            "draws": 20,
            "difference": random_removed - top_removed,
            "interval": interval,
            "features": 2.4,
            "left_out": 3,
        }
        rows.append(Evaluation(kind="deletion", model_id=model_id, modality=modality, figures=figures))
    return rows


def faithfulness_row(found: Explanation) -> Evaluation:
    """Both curves are better than those of a random order."""
    figures = {
        "deletion_auc": 0.3,
        "insertion_auc": 0.75,
        "random_deletion_auc": 0.5,
        "random_insertion_auc": 0.55,
        "r2": found.r2,
        "stability": stability(found.image_weights, found.text_weights, found.image_errors, found.text_errors),
    }
    return Evaluation(kind="faithfulness", model_id=found.model_id, sample_id=found.sample_id, figures=figures)
