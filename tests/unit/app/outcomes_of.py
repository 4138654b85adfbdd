"""Made-up outcomes of a model."""

from __future__ import annotations

import numpy as np

from db.records.predictions import Outcomes


def random_outcomes(seed: int, samples: int = 200, classes: int = 5) -> Outcomes:
    """Random predictions, some samples unexplained; the last class is never predicted nor tested."""
    random = np.random.default_rng(seed)
    explained = random.random(samples) < 0.7
    share = np.where(explained, random.random(samples), np.nan)
    return Outcomes(
        labels=tuple(f"class-{i}" for i in range(classes)),
        sample=np.arange(samples) * 3 + 1,
        is_test=random.random(samples) < 0.6,
        label=random.integers(0, classes - 1, samples).astype(np.int32),
        predicted=random.integers(0, classes - 1, samples).astype(np.int32),
        probability=random.random(samples).astype(np.float32),
        image_share=share.astype(np.float32),
        explained=explained,
    )
