"""The Overview tab: what a database holds, how good its models are, and where to look first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.drawing.histogram import Bar, histogram_bars, tallest_bar
from app.measures.classification import (
    BINS,
    FAITHFUL,
    Calibration,
    CalibrationBin,
    ClassScore,
    calibration,
    class_scores,
)
from app.tabs import note
from app.tabs.choice import Choice
from app.templating import link, percent, render
from db.records.classes import ClassView
from db.records.models import ModelView
from db.records.predictions import Outcomes

KINDS = {
    "image": "picture only",
    "text": "words only",
    "feature_concatenation": "fusion of features",
    "score_fusion": "fusion of scores",
    "embracenet": "fusion of features, EmbraceNet",
    "own": "own model",
    "embedding": "forest on features of the picture",
}
SHARE_BINS = 20


@dataclass(frozen=True)
class ModelLine:
    """One model; `tested` = how many test samples its accuracy was measured on.

    `image_share` is the mean over its explained samples, None without. The rest are links.
    """

    name: str
    kind: str
    href: str
    current: bool
    accuracy: float | None
    top3_accuracy: float | None
    tested: int
    mistakes: int | None
    explanations: int
    image_share: float | None
    mistakes_href: str
    confusion_href: str
    ratio_href: str


@dataclass(frozen=True)
class LinkedBar:
    """A bar and the samples that it counts."""

    bar: Bar
    href: str


@dataclass(frozen=True)
class RatioChart:
    """The modality ratio of one model, all models on one scale (P1 Fig. 6)."""

    model: str
    current: bool
    samples: int
    mean: float | None
    bars: list[LinkedBar]


@dataclass(frozen=True)
class ClassLine:
    """One class under the chosen model."""

    title: str
    label: str
    family: str | None
    href: str
    samples: int
    score: ClassScore | None
    rival: str | None
    confused_href: str
    taken_href: str
    ratio_href: str


@dataclass(frozen=True)
class ReliabilityBar:
    """One step of certainty in a drawing of 100 x 100; `stated` = what the model said, `height` = what came true."""

    x: float
    width: float
    height: float
    stated: float
    tip: str
    href: str


@dataclass(frozen=True)
class Reliability:
    """The reliability diagram, and what it says in a sentence."""

    sentence: str
    error: float
    samples: int
    bars: list[ReliabilityBar]


@dataclass(frozen=True)
class OverviewPage:
    """All that the template shows; classes with the lowest accuracy first."""

    notices: tuple[str, ...]
    database: str
    dataset: str
    samples: int
    tests: int
    classes: list[ClassLine]
    models: list[ModelLine]
    ratios: list[RatioChart]
    reliability: Reliability | None
    explanations: int
    failed: int
    skipped: int
    running: bool
    model: str | None


def overview_fragment(choice: Choice) -> str:
    """The chosen database as a whole."""
    database = choice.database
    classes = database.classes(choice.model.name if choice.model else None)
    runs = database.reader.runs.all()
    if not classes:
        return note.nothing_yet(choice)
    models = database.models()
    own = database.outcomes(choice.model.name) if choice.model else None
    scores = class_scores(own) if own else {}
    measured = calibration(own) if own else None
    page = OverviewPage(
        notices=choice.notices,
        database=database.shown,
        dataset=runs[-1].dataset if runs else "",
        samples=sum(view.train + view.test for view in classes),
        tests=sum(view.test for view in classes),
        classes=[_class_line(choice, view, scores.get(view.label)) for view in sorted(classes, key=_worst_first)],
        models=[_model_line(choice, model) for model in models],
        ratios=_ratios(choice, [model for model in models if model.explanations]),
        reliability=_reliability(choice, measured) if measured else None,
        explanations=sum(model.explanations for model in models),
        failed=len(database.reader.runs.failures()),
        skipped=database.reader.runs.count_problems(),
        running=bool(runs) and runs[-1].finished_at is None,
        model=choice.model.name if choice.model else None,
    )
    return render("overview.html", page=page, command=note.command(choice))


def _worst_first(view: ClassView) -> tuple[float, str]:
    return (2.0 if view.accuracy is None else view.accuracy, view.label)


def _model_line(choice: Choice, model: ModelView) -> ModelLine:
    outcomes = choice.database.outcomes(model.name)
    shares = _known(outcomes)
    tested = int(outcomes.is_test.sum())
    names = {**choice.names, "model": model.name}
    return ModelLine(
        name=model.name,
        kind=KINDS.get(model.kind, model.kind),
        href=link(names, tab="overview"),
        current=choice.model is not None and model.name == choice.model.name,
        accuracy=model.accuracy,
        top3_accuracy=model.top3_accuracy,
        tested=tested,
        mistakes=int((outcomes.is_test & ~outcomes.is_correct).sum()) if tested else None,
        explanations=model.explanations,
        image_share=float(shares.mean()) if len(shares) else None,
        mistakes_href=link(names, tab="gallery", within="all", shown="wrong", split="test"),
        confusion_href=link(names, tab="compare", compare="confusion"),
        ratio_href=link(names, tab="global", scope="model"),
    )


def _known(outcomes: Outcomes) -> np.ndarray:
    """The image shares that there are."""
    return outcomes.image_share[~np.isnan(outcomes.image_share)]


def _ratios(choice: Choice, models: list[ModelView]) -> list[RatioChart]:
    shares = [_known(choice.database.outcomes(model.name)) for model in models]
    tallest = tallest_bar(shares, SHARE_BINS)
    charts = []
    for model, known in zip(models, shares, strict=True):
        names = {**choice.names, "model": model.name}
        bars = histogram_bars(known, SHARE_BINS, lambda low, high: f"{percent(low)} to {percent(high)}", tallest)
        charts.append(
            RatioChart(
                model=model.name,
                current=choice.model is not None and model.name == choice.model.name,
                samples=len(known),
                mean=float(known.mean()) if len(known) else None,
                bars=[LinkedBar(bar, share_href(names, bar, "all")) for bar in bars if bar.count],
            )
        )
    return charts


def share_href(names: dict[str, str | None], bar: Bar, within: str) -> str:
    """The samples that a bar of image shares counts."""
    return link(names, tab="gallery", within=within, split="all", share=f"{bar.low:g}-{bar.high:g}")


def _reliability(choice: Choice, measured: Calibration) -> Reliability:
    bars = [
        ReliabilityBar(
            x=100 * one.low,
            width=100 / BINS,
            height=100 * one.accuracy,
            stated=100 * one.certainty,
            tip=_bin_in_words(one),
            href=link(
                choice.names, tab="gallery", within="all", split="test", sure=f"{one.low:g}-{one.high:g}", sort="sure"
            ),
        )
        for one in measured.bins
        if one.count
    ]
    return Reliability(_calibration_in_words(measured), measured.error, measured.samples, bars)


def _bin_in_words(one: CalibrationBin) -> str:
    samples = "1 sample" if one.count == 1 else f"{one.count} samples"
    means = f"on average {percent(one.certainty)} certain, {percent(one.accuracy)} right"
    return f"{percent(one.low)} to {percent(one.high)} certain: {samples}, {means}"


def _calibration_in_words(measured: Calibration) -> str:
    fullest = max(measured.bins, key=lambda one: one.count)
    certain, right = percent(fullest.certainty), percent(fullest.accuracy)
    example = f"When it is about {certain} certain, it is right {right} of the time"
    if measured.excess > FAITHFUL:
        return f"This model is too sure of itself. {example}."
    if measured.excess < -FAITHFUL:
        return f"This model is more careful than it need be. {example}."
    if measured.error > 2 * FAITHFUL:
        return f"On average its certainty is fair, but too high for some samples and too low for others. {example}."
    return f"Its certainty can be taken at its word. {example}."


def _class_line(choice: Choice, view: ClassView, score: ClassScore | None) -> ClassLine:
    names = {**choice.names, "class": view.label}
    rival = score.rival if score else None
    return ClassLine(
        title=view.title,
        label=view.label,
        family=view.family,
        href=link(names, tab="gallery", split="test" if view.test else None),
        samples=view.train + view.test,
        score=score if score and score.tested else None,
        rival=choice.database.titles().get(rival, rival) if rival else None,
        confused_href=link(names, tab="gallery", shown="confused", rival=rival, split="test"),
        taken_href=link(names, tab="gallery", within="all", shown="confused", rival=view.label, split="test"),
        ratio_href=link(names, tab="global"),
    )
