"""The Activation map part of Single Sample: where in the picture an embedding's features come from (P2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from app.routes.media_addresses import map_address, picture_address
from app.tabs import note
from app.tabs.choice import Choice, choose_sample
from app.templating import render
from app.view_state import ViewState
from db.records.activation import MapSetting, MapStage
from db.records.embedding import Box, ForecastView, RankedFeature
from db.records.samples import SampleDetail

SHOWN_FEATURES = 13
OUTLINED_FEATURES = 5
DEFAULT = MapSetting("forecast", "TZZ", "grad-cam", 4, SHOWN_FEATURES)

STRATEGIES = {
    "TZZ": ("Top features alone", "The top features keep their values; all others are set to 0 (TZZ)."),
    "TOZ": ("Top features, other selected ones at 1", "The other selected features are set to 1, the rest to 0 (TOZ)."),
    "TRR": ("Top features, all others random", "All other features are set to random values (TRR)."),
    "selected": ("All selected features", "All selected features keep their values; the rest is set to 0."),
    "image": ("The picture against itself", "All features keep their values: where the picture fires at all."),
    "probability": ("Probability of the class", "What raises the model's probability of the class."),
}
VARIANTS = {
    "grad-cam": "Grad-CAM",
    "grad-cam++": "Grad-CAM++",
    "xgrad-cam": "XGrad-CAM",
    "hires-cam": "HiResCAM",
    "layer-cam": "LayerCAM",
}
STAGES: dict[MapStage, str] = {1: "1, finest", 2: "2", 3: "3", 4: "4, coarsest", "combined": "All four"}
TARGETS = {
    "forecast": "This picture's own",
    "class": "The class's",
    "predicted": "The answer",
    "true": "The true class",
    "runner_up": "The runner-up",
}
Name = Callable[[Any], str]


@dataclass(frozen=True)
class Option:
    """One choice of a list; `value` is the whole setting, as it stands in the address."""

    value: str
    name: str


@dataclass(frozen=True)
class Choices:
    """One list to choose from."""

    key: str
    name: str
    meaning: str
    options: list[Option]


@dataclass(frozen=True)
class GridRow:
    """One strategy in the grid: a map a stage, as (address in the page, heat map, tip, chosen)."""

    name: str
    cells: list[tuple[str, str, str, bool]]


@dataclass(frozen=True)
class FeatureRow:
    """One ranked feature; `share` of the largest magnitude; `box` as shares of the picture."""

    rank: int
    feature: int
    weight: float
    share: float
    value: float
    box: Box


@dataclass(frozen=True)
class MapPage:
    """All that the template shows; without `heat` there are no maps, and `command` makes them."""

    title: str
    display: str | None
    ratio: float
    heat: str | None
    meaning: str
    empty: bool
    lists: list[Choices]
    grid: list[GridRow]
    forecast: str | None
    features: list[FeatureRow]
    outlined: list[FeatureRow]
    more: int
    value: str
    command: str


def written(setting: MapSetting) -> str:
    """A setting as it stands in the address: `forecast.TZZ.grad-cam.4.13`."""
    return ".".join(str(getattr(setting, field.name)) for field in fields(setting))


def pick(settings: Sequence[MapSetting], wanted: str | None) -> MapSetting:
    """The setting that the address names, else the one most like P2's preferred one."""
    named = {written(setting): setting for setting in settings}
    return named.get(wanted or "") or _nearest(settings, DEFAULT)


def maps_fragment(choice: Choice, state: ViewState) -> tuple[str, str | None]:
    """The part's content, nothing for models that maps are not made of; and the sample that it is about."""
    path, _ = choose_sample(choice, state)
    detail = choice.database.sample(path) if path else None
    if detail is None or choice.model is None:
        return "", path
    settings = choice.database.reader.activation.settings(choice.model.name, detail.path)
    forecast = choice.database.reader.embedding.forecast(choice.model.name, detail.path)
    if not settings and choice.model.kind != "embedding":
        return "", path
    return render("maps.html", page=_page(choice, detail, settings, forecast, state.map)), path


def _page(
    choice: Choice,
    detail: SampleDetail,
    settings: Sequence[MapSetting],
    forecast: ForecastView | None,
    wanted: str | None,
) -> MapPage:
    assert choice.model is not None
    model, database = choice.model.name, choice.database
    titles = database.titles()
    display = detail.pictures.get("display")
    setting = pick(settings, wanted) if settings else None
    view = database.reader.activation.map(model, detail.path, setting) if setting else None
    features = _features(forecast.features) if forecast else []
    return MapPage(
        title=titles.get(detail.label, detail.label),
        display=picture_address(database, display.digest, "display", detail.path) if display else None,
        ratio=detail.width / detail.height,
        heat=map_address(database, model, detail.path, written(setting)) if setting else None,
        meaning=STRATEGIES[setting.strategy][1] if setting else "",
        empty=view is None or view.empty,
        lists=_lists(settings, setting) if setting else [],
        grid=_grid(choice, detail, settings, setting) if setting else [],
        forecast=titles.get(forecast.predicted, forecast.predicted) if forecast else None,
        features=features,
        outlined=features[:OUTLINED_FEATURES],
        more=len(forecast.features) - len(features) if forecast else 0,
        value=written(setting) if setting else "",
        command=note.command(choice),
    )


def _lists(settings: Sequence[MapSetting], current: MapSetting) -> list[Choices]:
    """What can be chosen from; a list with a single choice is left out."""
    kinds: list[tuple[str, str, str, Name]] = [
        ("target", "Ranking", "Whose most important features are kept.", lambda value: TARGETS[value]),
        ("strategy", "Features", "What the picture is compared with.", lambda value: STRATEGIES[value][0]),
        ("top", "Number", "How many of the top features are kept.", lambda value: f"top {value}" if value else "all"),
        ("stage", "Layer", "Early layers see fine detail, late ones whole shapes.", lambda value: STAGES[value]),
        ("variant", "Method", "How the map is computed from the network.", lambda value: VARIANTS[value]),
    ]
    lists = []
    for key, name, meaning, say in kinds:
        values = list(dict.fromkeys(getattr(setting, key) for setting in settings))
        if key == "top":
            like = [one.top for one in settings if one.strategy == current.strategy and one.target == current.target]
            values = sorted(set(like))
        if len(values) > 1:
            reached = [_reached(settings, current, key, value) for value in values]
            options = [Option(written(one), say(value)) for one, value in zip(reached, values, strict=True)]
            lists.append(Choices(key, name, meaning, options))
    return lists


def _reached(settings: Sequence[MapSetting], current: MapSetting, key: str, value: Any) -> MapSetting:
    """The stored setting with this value that is most like the current one."""
    return _nearest([one for one in settings if getattr(one, key) == value], replace(current, **{key: value}))


def _nearest(settings: Sequence[MapSetting], wanted: MapSetting) -> MapSetting:
    """The one that agrees in most; of several the one with the most features."""

    def likeness(setting: MapSetting) -> tuple[int, int]:
        return sum(
            getattr(setting, field.name) == getattr(wanted, field.name) for field in fields(setting)
        ), setting.top

    return max(settings, key=likeness)


def _grid(choice: Choice, detail: SampleDetail, settings: Sequence[MapSetting], current: MapSetting) -> list[GridRow]:
    """Every strategy by every stage, at the current ranking, number and method (P2 Fig. 5)."""
    assert choice.model is not None
    rows = []
    stored = set(settings)
    strategies = dict.fromkeys(one.strategy for one in settings)
    for strategy in strategies if len(strategies) > 1 else ():
        cells = []
        for stage in STAGES:
            like = replace(current, strategy=strategy, stage=stage)
            one = next((found for found in (like, replace(like, top=0)) if found in stored), None)
            if one is not None:
                value = written(one)
                heat = map_address(choice.database, choice.model.name, detail.path, value)
                cells.append((value, heat, f"{STRATEGIES[strategy][0]}, layer {STAGES[stage]}", one == current))
        if cells:
            rows.append(GridRow(STRATEGIES[strategy][0], cells))
    return rows


def _features(ranked: Sequence[RankedFeature]) -> list[FeatureRow]:
    largest = max((abs(one.weight) for one in ranked), default=0.0) or 1.0
    return [
        FeatureRow(rank, one.feature, one.weight, abs(one.weight) / largest, one.value, one.box)
        for rank, one in enumerate(ranked[:SHOWN_FEATURES], start=1)
    ]
