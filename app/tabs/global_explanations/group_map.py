"""Maps of superpixels: the shown class's one by one, and its groups among those that it is confused with."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from app.tabs.choice import Choice
from app.templating import link

RIVALS = 3
MOST_DOTS = 80
COLOURED = 7
"""So many groups have a colour of their own."""


@dataclass(frozen=True)
class Dot:
    """One group at `x`, `y` in 0..100; `kind` = own, rival-1 .. rival-3 or other; `text` is written on it."""

    x: float
    y: float
    radius: float
    kind: str
    text: str
    tip: str
    href: str


@dataclass(frozen=True)
class GroupMap:
    """The dots, the shown class's own last, and what the kinds mean; `hidden` groups lie farther away."""

    dots: list[Dot]
    rivals: list[str]
    hidden: int


@dataclass(frozen=True)
class SuperpixelDot:
    """One superpixel at `x`, `y` in 0..100; `group` = its rank, at most COLOURED + 1 for all others, None = noise."""

    x: float
    y: float
    group: int | None
    tip: str
    href: str


@dataclass(frozen=True)
class SuperpixelMap:
    """The dots, noise first; how many groups have a colour of their own, and whether others and noise are there."""

    dots: list[SuperpixelDot]
    coloured: int
    others: bool
    noise: bool


def superpixel_map(choice: Choice) -> SuperpixelMap | None:
    """Of the chosen class; None where its superpixels were not embedded."""
    assert choice.model is not None
    assert choice.label is not None
    points = choice.database.reader.groups.part_places(choice.model.name, choice.label)
    dots = [
        SuperpixelDot(
            x=4 + 92 * point.x,
            y=96 - 92 * point.y,
            group=None if point.rank is None else min(point.rank, COLOURED + 1),
            tip=f"{f'Picture part {point.rank}' if point.rank else 'In no group'}: {point.sample}",
            href=link({**choice.names, "sample": point.sample}, tab="sample", focus=f"image-{point.feature}"),
        )
        for point in points
    ]
    groups = {dot.group for dot in dots if dot.group is not None}
    return (
        SuperpixelMap(
            dots=sorted(dots, key=lambda dot: dot.group is not None),
            coloured=max((group for group in groups if group <= COLOURED), default=0),
            others=COLOURED + 1 in groups,
            noise=any(dot.group is None for dot in dots),
        )
        if dots
        else None
    )


def group_map(choice: Choice) -> GroupMap | None:
    """Of the chosen class; None where fewer than two groups have a position in the model's embedding."""
    assert choice.model is not None
    assert choice.label is not None
    found, positions = choice.database.plane(choice.model.name)
    if len(found.labels) < 2 or choice.label not in found.labels:
        return None
    rivals = _rivals(choice)
    labels = np.array(found.labels, dtype=object)
    own = labels == choice.label
    middle = found.vectors[own].mean(axis=0)
    near = np.argsort(np.linalg.norm(found.vectors - middle, axis=1), kind="stable")
    first = [*np.flatnonzero(own), *np.flatnonzero(np.isin(labels, rivals)), *near]
    chosen = list(dict.fromkeys(int(index) for index in first))[:MOST_DOTS]
    titles = choice.database.titles()
    most = max(found.samples[index] for index in chosen)
    low, high = positions[chosen].min(axis=0), positions[chosen].max(axis=0)
    spread = max(float((high - low).max()), 1e-9)
    dots = []
    for index in reversed(chosen):
        label = found.labels[index]
        kind = "own" if own[index] else f"rival-{rivals.index(label) + 1}" if label in rivals else "other"
        x, y = 50 + 92 * (positions[index] - (low + high) / 2) / spread
        count, rank = found.samples[index], found.ranks[index]
        dots.append(
            Dot(
                x=float(x),
                y=float(100 - y),
                radius=1.2 + 1.8 * (count / most) ** 0.5,
                kind=kind,
                text=str(rank) if kind == "own" else "",
                tip=f"{titles.get(label, label)}: picture part {rank}, in {count} samples",
                href=link({**choice.names, "class": label}, tab="global", open=f"image-{rank}"),
            )
        )
    shown = [titles.get(label, label) for label in rivals if any(found.labels[index] == label for index in chosen)]
    return GroupMap(dots, shown, len(found.labels) - len(chosen))


def _rivals(choice: Choice) -> list[str]:
    """The classes that the chosen one is most often confused with, both ways, on the test samples."""
    assert choice.model is not None
    counts: Counter[str] = Counter()
    for one in choice.database.reader.models.confusion(choice.model.name):
        if one.label != one.predicted and choice.label in (one.label, one.predicted):
            counts[one.predicted if one.label == choice.label else one.label] += one.count
    return sorted(counts, key=lambda label: (-counts[label], label))[:RIVALS]
