"""Which of the selected features one forecast rests on: LIME for tables, library defaults (P2 §3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from lime.lime_tabular import LimeTabularExplainer

from db.values import Vector
from precompute.models.embedding_classifier import EmbeddingClassifier


@dataclass(frozen=True)
class Ranking:
    """`indices` into the selected features, the highest |weight| first, and their signed weights float32 [k]."""

    indices: list[int]
    weights: Vector


class FeatureRanker:
    """Ranks the features of a classifier's forecasts; the discretiser is made once for all of them."""

    def __init__(self, classifier: EmbeddingClassifier) -> None:
        self._classifier = classifier
        self._explainer = LimeTabularExplainer(classifier.train, random_state=0)

    def rank(self, selected: Vector, target: int, seed: int) -> Ranking:
        """The ranking for one class.

        The library draws from one random state that its parts share, so that a ranking would depend on those before
        it: here it is set for each.

        Args:
            selected: float32 [k], the sample's selected features.
            target: index of the class.
            seed: made of the run's seed, sample, model and class.
        """
        self._explainer.random_state.seed(seed)
        answer = self._explainer.explain_instance(
            selected.astype(np.float64),
            lambda rows: self._classifier.forest_probabilities(rows.astype(np.float32)),
            labels=(target,),
            num_features=len(selected),
        )
        weights = np.zeros(len(selected), np.float32)
        for index, weight in answer.local_exp[target]:
            weights[index] = weight
        order = np.argsort(-np.abs(weights), kind="stable")
        return Ranking(order.tolist(), weights[order])
