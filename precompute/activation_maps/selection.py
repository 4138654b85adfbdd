"""Which values of an embedding a classifier gets: those with the highest mutual information with the class (P2 §3)."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import numpy.typing as npt
from sklearn.feature_selection import mutual_info_classif

from db.errors import UserError
from db.values import Vector
from precompute.progress import say

Labels = npt.NDArray[np.int64]


def select_features(
    embeddings: Vector, labels: Labels, classes: list[str], wanted: int | None, seed: int
) -> npt.NDArray[np.int64]:
    """The features to keep, the most informative first; a line of output for each peculiarity of the data.

    Args:
        embeddings: float32 [n, d] of the train samples.
        labels: [n], indices into `classes`.
        wanted: how many; None = round(sqrt(n)), as P2 has it.
        seed: of the noise that breaks ties in the estimate.

    Returns:
        int64 [k] indices; k is less than wanted where the embedding has no more values that vary.

    Raises:
        UserError: no class has two train samples, or no value varies.
    """
    count = Counter(labels.tolist())
    for index, label in enumerate(classes):
        if count[index] == 1:
            say(f"embedding: class {label} has one train sample: it is learned, but selects no features; add more")
    if max(count.values(), default=0) < 2:
        raise UserError("embedding: no class has two train samples, so no feature can be told to matter; add more")
    vary = np.flatnonzero(embeddings.min(axis=0) < embeddings.max(axis=0))
    k = wanted or max(1, round(math.sqrt(len(embeddings))))
    if k > embeddings.shape[1]:
        say(f"embedding: {k} features wanted, but the embedding has {embeddings.shape[1]} values: all are taken")
    if len(vary) < embeddings.shape[1]:
        constant = embeddings.shape[1] - len(vary)
        say(f"embedding: {constant} of {embeddings.shape[1]} values are the same in every picture; none is selected")
    if not len(vary):
        raise UserError("embedding: no value varies between the pictures; are they all alike, or the tower broken?")
    information = mutual_info_classif(embeddings[:, vary], labels, random_state=seed)
    return np.asarray(vary[np.argsort(-information, kind="stable")[:k]], dtype=np.int64)
