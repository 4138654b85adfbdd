"""Made-up features and explanations for the tests of this folder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from db.records.explanations import TrueClassExplanation
from precompute.global_explanations.features import Feature


def word(text: str, sample: int = 0, weight: float = 0.5, index: int = 0, norm: float = 1.0) -> Feature:
    return Feature(sample, sample, f"test/class/{sample:04}.jpg", index, weight, norm, text)


def explanation(
    sample: int, image: Sequence[float] = (), text: Sequence[float] = (), texts: Sequence[str] = ()
) -> TrueClassExplanation:
    return TrueClassExplanation(
        sample,
        sample,
        f"test/class/{sample:04}.jpg",
        "test",
        sample,
        np.array(image, "f4"),
        np.array(text, "f4"),
        "stamp",
        tuple(texts),
    )
