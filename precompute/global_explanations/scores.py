"""Scores of groups of features, from the weights of their occurrences alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Occurrences:
    """The occurrences of one group.

    Attributes:
        weights: w of each, at least one, above 0.
        norms: ‖w‖₁ of the whole explanation (both modalities) that each comes from, above 0.
        by_class: Σ|w| over the occurrences of the same concept in each class that has it, the group's own included.
    """

    weights: Sequence[float]
    norms: Sequence[float]
    by_class: Mapping[str, float] = field(default_factory=dict)


def normlime_score(weights: Sequence[float], norms: Sequence[float]) -> float:
    """NormLIME: the mean over a group's occurrences of w² / ‖w‖₁.

    Args:
        weights: w of each occurrence, at least one.
        norms: ‖w‖₁ of the whole explanation (both modalities) that each occurrence comes from, above 0.

    Returns:
        A number in 0..max(weights). Source: Ahern et al. 2019 (arXiv 1909.04200); docs/definitions.md, NormLIME score.
    """
    return math.fsum(w * w / norm for w, norm in zip(weights, norms, strict=True)) / len(weights)


def averaged_importance(weights: Sequence[float]) -> float:
    """Averaged importance: the mean of |w| over a group's occurrences (GALE, van der Linden 2019, arXiv 1907.03039)."""
    return math.fsum(abs(w) for w in weights) / len(weights)


def sp_lime_importance(weights: Sequence[float]) -> float:
    """SP-LIME's importance √Σ|w| over a group's occurrences (Ribeiro et al. 2016, arXiv 1602.04938, algorithm 2)."""
    return math.sqrt(math.fsum(abs(w) for w in weights))


def class_entropy(by_class: Mapping[str, float]) -> float:
    """How evenly a concept's importance spreads over classes: -Σ p log p, where p is √Σ|w| in a class over their sum.

    Args:
        by_class: Σ|w| in each class, one at least above 0.

    Returns:
        0 where one class alone has it, up to log(classes). Source: van der Linden et al. 2019 (arXiv 1907.03039).
    """
    roots = [math.sqrt(total) for total in by_class.values() if total > 0]
    whole = math.fsum(roots)
    return -math.fsum(root / whole * math.log(root / whole) for root in roots) if len(roots) > 1 else 0.0


def homogeneity_scores(groups: Sequence[Occurrences]) -> list[float]:
    """GALE's homogeneity-weighted importance: (1 - (H - Hmin) / (Hmax - Hmin)) √Σ|w|, H = `class_entropy`.

    What every class has counts nothing, however heavy; where all entropies are equal, importance alone counts.

    Args:
        groups: all of one model and modality, with `by_class`. Unlike GALE, Σ|w| is the group's own, in its class, as
            groups are ranked within classes.

    Returns:
        One number a group, >= 0. Source: GALE (arXiv 1907.03039); docs/definitions.md, Other group scores.
    """
    entropies = [class_entropy(group.by_class) for group in groups]
    least, span = min(entropies, default=0.0), max(entropies, default=0.0) - min(entropies, default=0.0)
    return [
        (1 - (entropy - least) / span if span else 1.0) * sp_lime_importance(group.weights)
        for entropy, group in zip(entropies, groups, strict=True)
    ]


Scores = Callable[[Sequence[Occurrences]], list[float]]

SCORES: dict[str, Scores] = {
    "normlime": lambda groups: [normlime_score(group.weights, group.norms) for group in groups],
    "averaged_importance": lambda groups: [averaged_importance(group.weights) for group in groups],
    "sp_lime": lambda groups: [sp_lime_importance(group.weights) for group in groups],
    "homogeneity": homogeneity_scores,
}
"""Each scores all groups of one model and modality in one call."""


def submodular_pick(
    importances: Sequence[float], samples: Sequence[frozenset[str]], budget: int
) -> list[tuple[str, float]]:
    """SP-LIME's greedy pick of samples that together show the most important groups.

    Args:
        importances: √Σ|w| of each group.
        samples: those that each group occurs in.
        budget: how many samples may be picked.

    Returns:
        At most `budget` samples, each with the share (0..1] of all importance that it and those before it cover; a
        sample that adds nothing is not picked, and ties go to the first path. Source: Ribeiro et al. 2016
        (arXiv 1602.04938), algorithm 2.
    """
    shown: dict[str, list[int]] = {}
    for group, members in enumerate(samples):
        for sample in members:
            shown.setdefault(sample, []).append(group)
    whole = math.fsum(importances)
    covered: set[int] = set()
    picks: list[tuple[str, float]] = []
    while len(picks) < budget:
        gains = {
            sample: math.fsum(importances[group] for group in groups if group not in covered)
            for sample, groups in shown.items()
        }
        best = min(gains, key=lambda sample: (-gains[sample], sample), default=None)
        if best is None or gains[best] <= 0:
            break
        covered.update(shown.pop(best))
        picks.append((best, math.fsum(importances[group] for group in covered) / whole))
    return picks


def minimum_support(samples: int, share: float, least: int) -> int:
    """Distinct samples that a group needs: `least`, or the share of the class's explained samples, rounded up."""
    return max(least, math.ceil(round(share * samples, 9)))
