"""Shares and differences with their intervals, and the chance levels that stand beside them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import mannwhitneyu

_Z = 1.959963984540054  # the normal distribution's 97.5 % point: two-sided 95 %


@dataclass(frozen=True)
class Share:
    """`hits` of `count`, beside what chance gives (0..1, None where there is no such level)."""

    hits: int
    count: int
    chance: float | None = None

    @property
    def value(self) -> float | None:
        """The share in 0..1; None of nothing."""
        return self.hits / self.count if self.count else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of Wilson (1927) in 0..1; None of nothing."""
        return wilson_interval(self.hits, self.count) if self.count else None


def wilson_interval(hits: int, count: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927).

    As scipy.stats.binomtest's, which computes a p-value with it and differs in the last bit.

    Args:
        hits: 0..count.
        count: above 0.

    Returns:
        (low, high) in 0..1.
    """
    share, square = hits / count, _Z * _Z / count
    middle = (share + square / 2) / (1 + square)
    half = math.sqrt(share * (1 - share) * square + square * square / 4) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)


def paired_interval(differences: Sequence[float], seed: int, resamples: int = 10_000) -> tuple[float, float]:
    """The 95 % percentile bootstrap interval of a mean difference (Efron 1979).

    As scipy.stats.bootstrap's, which refuses a single sample and rounds otherwise: stored intervals must not change.

    Args:
        differences: one a sample, at least one: both treatments on the same sample, so the interval is a paired one.
        seed: of the resampling; the order of the differences counts.
        resamples: of the samples with replacement.

    Returns:
        (low, high) around the mean.
    """
    values, generator = np.asarray(differences, dtype=np.float64), np.random.default_rng(seed)
    means = [values[generator.integers(len(values), size=len(values))].mean() for _ in range(resamples)]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def mean_intervals(values: npt.NDArray[np.float64], seed: int, resamples: int = 2_000) -> npt.NDArray[np.float64]:
    """The 95 % percentile bootstrap intervals of many means over the same samples (Efron 1979).

    Args:
        values: [n, columns], a row a sample, at least one; the samples are resampled, whole rows.
        seed: of the resampling; the order of the rows counts.

    Returns:
        [2, columns]: low and high.
    """
    drawn = np.random.default_rng(seed).integers(len(values), size=(resamples, len(values)))
    counts = np.stack([np.bincount(row, minlength=len(values)) for row in drawn])
    means = counts @ values / len(values)
    return np.asarray(np.quantile(means, [0.025, 0.975], axis=0))


def separation(higher: Sequence[float], lower: Sequence[float]) -> float | None:
    """Area under the ROC curve: the probability that one of `higher` exceeds one of `lower`, ties counting half.

    Mann & Whitney 1947. None when either is empty.
    """
    if not higher or not lower:
        return None
    pairs = mannwhitneyu(higher, lower, method="asymptotic").statistic
    return float(pairs) / (len(higher) * len(lower))


def chance_of_a_hit(targets: int, features: int, draws: int) -> float:
    """Probability that `draws` of `features`, drawn without replacement, hold at least one of the `targets`."""
    drawn = min(draws, features)
    return 1 - math.comb(features - targets, drawn) / math.comb(features, drawn)
