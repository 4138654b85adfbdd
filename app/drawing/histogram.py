"""Histograms as bars that the page draws as inline SVG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Bar:
    """One bar in a drawing of 100 x 100: the tallest bar of a histogram is 100 high. `tip` says what it counts."""

    x: float
    width: float
    height: float
    tip: str


def histogram_bars(shares: Sequence[float], bins: int, name: Callable[[float, float], str]) -> list[Bar]:
    """How many shares in [0, 1] fall into each of `bins` equal parts; the last part holds 1 too.

    Args:
        name: a part's limits in words.
    """
    counts = np.histogram(shares, bins=bins, range=(0, 1))[0]
    tallest = max(int(counts.max()), 1)
    width = 100 / bins
    return [
        Bar(
            x=place * width,
            width=width,
            height=100 * int(count) / tallest,
            tip=f"{name(place / bins, (place + 1) / bins)}: {count} {'sample' if count == 1 else 'samples'}",
        )
        for place, count in enumerate(counts)
    ]
