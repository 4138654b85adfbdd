"""Text groups: entries that are one word under OCR noise, by Levenshtein similarity to a representative."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from db.definitions.spelling import digits, fold
from precompute.global_explanations.features import Feature
from precompute.global_explanations.groups import FeatureGroup, by_weight


def group_texts(features: Iterable[Feature], similarity: float) -> list[FeatureGroup]:
    """Divide text features into groups of one word each, whatever their order.

    Two texts match when their digits are equal and the normalised Levenshtein similarity of their folded forms is at
    least `similarity`. Every member matches two texts of its group: the most common spelling, which names it, and
    the heaviest member's, which represents it (P1 §5.2). So unlike words are never chained together.
    Memory is linear in the number of features.

    Args:
        features: occurrences with their texts.
        similarity: 0..1, P1's match ratio is 0.75.

    Returns:
        Groups with their heaviest member first. Source: P1 §3.2, docs/definitions.md, Text match.
    """
    by_digits: dict[str, dict[str, list[Feature]]] = {}
    for feature in features:
        word = fold(feature.text)
        by_digits.setdefault(digits(word), {}).setdefault(word, []).append(feature)
    groups = []
    for _, words in sorted(by_digits.items()):
        groups += _group_words({word: sorted(found, key=by_weight) for word, found in words.items()}, similarity)
    return groups


def _group_words(features: dict[str, list[Feature]], similarity: float) -> list[FeatureGroup]:
    """Group folded words of equal digits; `features` holds each word's features, the heaviest first."""
    left = sorted(features, key=lambda word: _by_commonness(word, features[word]))
    groups = []
    while left:
        common, *_ = left
        near = _matching(common, left, similarity)
        heaviest = min(near, key=lambda word: by_weight(features[word][0]))
        words = set(_matching(heaviest, near, similarity))
        members = sorted((feature for word in words for feature in features[word]), key=by_weight)
        groups.append(FeatureGroup("text", tuple(members), name=next(iter(spellings(features[common])))))
        left = [word for word in left if word not in words]
    return groups


def _matching(word: str, candidates: list[str], similarity: float) -> list[str]:
    row = process.cdist([word], candidates, scorer=Levenshtein.normalized_similarity, dtype=np.float64)[0]
    return [candidate for candidate, score in zip(candidates, row, strict=True) if score >= similarity]


def _by_commonness(word: str, features: Iterable[Feature]) -> tuple[int, int, str]:
    """Orders words by their most common spelling, then by all their occurrences, then by the alphabet."""
    counts = spellings(features).values()
    return -max(counts), -sum(counts), word


def spellings(features: Iterable[Feature]) -> dict[str, int]:
    """Every spelling with its number of occurrences, the most common first, ties by the alphabet."""
    counts = Counter(feature.text for feature in features)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
