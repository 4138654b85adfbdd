"""Histograms as bars that the page draws as inline SVG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Bar:
    """One bar in a drawing of 100 x 100, over the values in [low, high]. `tip` says what it counts."""

    x: float
    width: float
    height: float
    tip: str
    low: float
    high: float
    count: int


def bin_counts(shares: npt.ArrayLike, bins: int) -> npt.NDArray[np.int64]:
    """How many shares in [0, 1] fall into each of `bins` equal parts; the last part holds 1 too."""
    return np.histogram(np.asarray(shares, np.float64), bins=bins, range=(0, 1))[0].astype(np.int64)


def tallest_bar(histograms: Sequence[npt.ArrayLike], bins: int) -> float:
    """The largest part of its samples that any bar of these histograms holds, 0..1."""
    return max((float(bin_counts(one, bins).max() / max(np.size(one), 1)) for one in histograms), default=0.0)


def histogram_bars(
    shares: npt.ArrayLike, bins: int, name: Callable[[float, float], str], tallest: float | None = None
) -> list[Bar]:
    """A bar for each of `bins` equal parts of [0, 1].

    Args:
        name: a part's limits in words.
        tallest: the part of all samples that is drawn 100 high, for histograms on one scale; None = the tallest bar's.
    """
    counts = bin_counts(shares, bins)
    full = max(int(counts.max()), 1) if tallest is None else max(tallest * np.size(shares), 1e-9)
    width = 100 / bins
    return [
        Bar(
            x=index * width,
            width=width,
            height=100 * int(count) / full,
            tip=f"{name(index / bins, (index + 1) / bins)}: {count} {'sample' if count == 1 else 'samples'}",
            low=index / bins,
            high=(index + 1) / bins,
            count=int(count),
        )
        for index, count in enumerate(counts)
    ]
