"""The Global tab of an embedding classifier: its features by class, P2's Table 2, and where the maps point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.routes.media_addresses import picture_address
from app.tabs import note
from app.tabs.activation.tab import STAGES, STRATEGIES, VARIANTS
from app.tabs.choice import Choice
from app.templating import link, percent, render
from app.view_state import ViewState
from db.records.activation import LocalisationView, Measure
from db.records.embedding import AucView, Box, ClassFeatureView, FeaturePlace, SimilarityView

SHOWN_FEATURES, SHOWN_OCCURRENCES = 8, 4
PAPER_TOP = 13  # features, as in P2's Table 2
WIDTH, HEIGHT = 100.0, 40.0  # of the charts, in their own units


@dataclass(frozen=True)
class Occurrence:
    """One photograph in which a feature is high, and where."""

    href: str
    thumbnail: str | None
    ratio: float
    box: Box
    tip: str


@dataclass(frozen=True)
class FeatureLine:
    """One feature of a class; `share` of its forecasts that have it among their top ones."""

    feature: int
    share: float
    text: str
    weight: float
    occurrences: list[Occurrence]


@dataclass(frozen=True)
class ClassPage:
    """What the template shows of a class."""

    notices: tuple[str, ...]
    title: str
    model: str
    forecasts: int
    top: int
    features: list[FeatureLine]


@dataclass(frozen=True)
class Line:
    """A figure against the number of features: points of the chart, and the same as words."""

    name: str
    points: str
    tip: str


@dataclass(frozen=True)
class SimilarityTable:
    """P2's Table 2 at `top` features: a row a class, a cell a strategy; and each strategy against the number."""

    top: int
    strategies: Sequence[tuple[str, str]]
    rows: list[tuple[str, list[str]]]
    lines: list[Line]
    tops: list[int]


@dataclass(frozen=True)
class MeasureCell:
    """A share with its interval and chance level, all in per cent of the bar, and as words."""

    value: float
    low: float
    high: float
    chance: float
    text: str
    tip: str
    better: bool


@dataclass(frozen=True)
class LocalisationRow:
    """One setting; `current` = the one chosen on train masks."""

    name: str
    stage: str
    current: bool
    cells: list[MeasureCell]


@dataclass(frozen=True)
class LocalisationTable:
    """Test pictures, all classes, at one method and number of features; `chosen` in words."""

    samples: int
    method: str
    top: int
    chosen: str | None
    rows: list[LocalisationRow]


@dataclass(frozen=True)
class ModelPage:
    """What the template shows of the model."""

    notices: tuple[str, ...]
    model: str
    auc: AucView | None
    auc_line: Line | None
    classes: list[tuple[str, str, float | None]]
    similarity: SimilarityTable | None
    localisation: LocalisationTable | None
    command: str


def embedding_fragment(choice: Choice, state: ViewState) -> str:
    """The class's features, or the whole model's figures."""
    if choice.model is None or choice.label is None:
        return note.nothing_yet(choice)
    if state.scope == "model":
        return render("embedding_model.html", page=_model_page(choice))
    return render("embedding_class.html", page=_class_page(choice), command=note.command(choice))


def _class_page(choice: Choice) -> ClassPage:
    assert choice.model is not None and choice.label is not None
    views = choice.database.reader.embedding.class_features(choice.model.name, choice.label)
    return ClassPage(
        notices=choice.notices,
        title=choice.database.titles()[choice.label],
        model=choice.model.name,
        forecasts=views[0].forecasts if views else 0,
        top=views[0].top if views else 0,
        features=[_feature(choice, view) for view in views[:SHOWN_FEATURES]],
    )


def _feature(choice: Choice, view: ClassFeatureView) -> FeatureLine:
    return FeatureLine(
        feature=view.feature,
        share=view.samples / view.forecasts if view.forecasts else 0.0,
        text=f"in the top {view.top} of {view.samples} of {view.forecasts} answers",
        weight=view.mean_weight,
        occurrences=[_occurrence(choice, one) for one in view.places[:SHOWN_OCCURRENCES]],
    )


def _occurrence(choice: Choice, found: FeaturePlace) -> Occurrence:
    detail = choice.database.sample(found.sample)
    thumbnail = detail.pictures.get("thumbnail") if detail else None
    names = {**choice.names, "class": detail.label if detail else None}
    return Occurrence(
        href=link(names, sample=found.sample),
        thumbnail=picture_address(choice.database, thumbnail.digest, "thumbnail", found.sample) if thumbnail else None,
        ratio=detail.width / detail.height if detail else 1.0,
        box=found.box,
        tip=f"{found.sample}: value {found.value:.2f}",
    )


def _model_page(choice: Choice) -> ModelPage:
    assert choice.model is not None
    reader, model, titles = choice.database.reader, choice.model.name, choice.database.titles()
    auc = reader.embedding.auc(model)
    by_class = auc.by_class if auc else {}
    return ModelPage(
        notices=choice.notices,
        model=model,
        auc=auc,
        auc_line=_line("AUC", [(top, value) for top, value in auc.tops if value is not None]) if auc else None,
        classes=[
            (titles.get(label, label), link({**choice.names, "class": label}, tab="global"), value)
            for label, value in sorted(by_class.items(), key=lambda pair: (pair[1] is None, pair[1] or 0))
        ],
        similarity=_similarity(reader.embedding.similarities(model), titles),
        localisation=_localisation(reader.activation.localisation(model)),
        command=note.evaluate(choice, "localisation"),
    )


def _similarity(views: Sequence[SimilarityView], titles: dict[str, str]) -> SimilarityTable | None:
    counted = sorted({view.top for view in views if view.top})
    if not counted:
        return None
    top = PAPER_TOP if PAPER_TOP in counted else counted[-1]
    strategies = list(
        dict.fromkeys(view.strategy for view in views if view.top in (top, 0) and view.strategy != "image")
    )
    cells = {(view.label, view.strategy): view for view in views if view.top in (top, 0)}
    labels = list(dict.fromkeys(view.label for view in views))
    rows = []
    for label in sorted(labels, key=lambda label: (label is None, label or "")):
        found = [cells.get((label, strategy)) for strategy in strategies]
        texts = [f"{view.mean:.3f} ± {view.sd:.3f}" if view else "–" for view in found]
        rows.append(("All classes" if label is None else titles.get(label, label), texts))
    lines = [
        _line(strategy, [(view.top, view.mean) for view in views if (view.label, view.strategy) == (None, strategy)])
        for strategy in strategies
        if any(view.top for view in views if view.strategy == strategy)
    ]
    names = [(strategy, STRATEGIES[strategy][1]) for strategy in strategies]
    return SimilarityTable(top, names, rows, lines, counted)


def _line(name: str, values: Sequence[tuple[int, float]]) -> Line:
    """Points of a chart of shares 0..1 over the number of features; numbers at equal distances."""
    step = WIDTH / max(len(values) - 1, 1)
    points = " ".join(
        f"{index * step:.2f},{HEIGHT * (1 - max(value, 0)):.2f}" for index, (_, value) in enumerate(values)
    )
    return Line(name, points, "; ".join(f"top {top}: {value:.3f}" for top, value in values))


def _localisation(views: Sequence[LocalisationView]) -> LocalisationTable | None:
    """At the chosen setting's method and number; without one at the most features of the first method."""
    tested = [view for view in views if view.split == "test" and view.label is None]
    maps = [view for view in tested if view.variant != "lime"]
    if not maps:
        return None
    best = next((view for view in maps if view.chosen), None)
    like = best or max(maps, key=lambda view: view.top)
    chosen = None
    if best and best.strategy and best.stage:
        chosen = f"{STRATEGIES[best.strategy][0].lower()}, top {best.top}, layer {STAGES[best.stage]}"
    rows = [_row(view) for view in maps if view.variant == like.variant and view.top in (like.top, 0)]
    superpixels = [_row(view) for view in tested if view.variant == "lime"]
    return LocalisationTable(like.samples, VARIANTS[like.variant], like.top, chosen, rows + superpixels)


def _row(view: LocalisationView) -> LocalisationRow:
    cells = [_measure(measure) for measure in (view.pointing_0, view.pointing_15, view.energy)]
    if view.strategy is None or view.stage is None:
        return LocalisationRow("Picture parts (LIME)", "–", False, cells)
    return LocalisationRow(STRATEGIES[view.strategy][0], STAGES[view.stage], view.chosen, cells)


def _measure(measure: Measure) -> MeasureCell:
    return MeasureCell(
        value=100 * measure.value,
        low=100 * measure.low,
        high=100 * measure.high,
        chance=100 * measure.chance,
        text=percent(measure.value),
        tip=f"{percent(measure.low)} to {percent(measure.high)}; by chance {percent(measure.chance)}",
        better=measure.low > measure.chance,
    )
