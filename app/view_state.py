"""The view as it stands in the page's address, read and written back; its twin is assets/page/address.js."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args
from urllib.parse import urlencode

from app.drawing.colours import COLOUR_MAPS, UNSIGNED
from app.drawing.heatmaps import View

TABS = ("overview", "sample", "gallery", "global", "compare", "search")
FILTERS = ("all", "right", "wrong", "confused", "tagged")
WITHIN = ("class", "all")
SORTS = ("name", "unsure", "sure", "picture", "words", "doubtful", "trusted")
COMPARED = ("sample", "class", "confusion")
ABOUT = ("answer", "true")
SPLITS = ("train", "test", "all")
SCOPES = ("class", "model")
LAYERS = ("photograph", *get_args(View))

DEFAULT_THRESHOLD = 0.2
DEFAULT_OPACITY = 0.6

Range = tuple[float, float]


@dataclass(frozen=True)
class ViewState:
    """Everything that a copied link restores; None = left to the server, which takes the first that there is.

    `db`, `model`, `label` (the class) and `sample` are names; `threshold` and `opacity` lie in [0, 1]; `against`
    shows the runner-up's explanation, `colours` is the colour map; `scope` (a class or the whole model), `pair` (of
    confused classes) and `open` (what is folded out) belong to the global tab; `focus` is the part of the sample that
    is outlined, `image-12` or `text-3`; `whatif` lets parts be switched off, `off` lists them, `image-12.text-3`;
    `only` one view of the sample is shown, large; `map` the activation map, `forecast.TZZ.grad-cam.4.13`.

    The gallery shows samples `within` a class or all, in the view `layer`, of a `split`, `shown` = right, wrong,
    confused (taken for the class `rival` where it is given) or tagged, whose image share lies in the range `share`
    and whose probability in the range `sure`, on whose pack `word` was read, ordered by `sort`. `rank` orders the
    overview's classes by a column, `-` = the highest first. The compare tab shows one of COMPARED, `about` each
    model's answer or the true class. `asked` are the words searched for.
    """

    db: str | None = None
    model: str | None = None
    label: str | None = None
    sample: str | None = None
    tab: str = "overview"
    threshold: float = DEFAULT_THRESHOLD
    opacity: float = DEFAULT_OPACITY
    signed: bool = False
    against: bool = False
    colours: str = UNSIGNED
    layer: str = "multimodal"
    shown: str = "all"
    split: str | None = None
    within: str = "class"
    rival: str | None = None
    share: Range | None = None
    sure: Range | None = None
    word: str | None = None
    sort: str = "name"
    rank: str | None = None
    scope: str = "class"
    pair: str | None = None
    open: str | None = None
    focus: str | None = None
    map: str | None = None
    whatif: bool = False
    off: str | None = None
    only: str | None = None
    compare: str = "sample"
    about: str = "answer"
    asked: str | None = None


def read_state(query: Mapping[str, str]) -> ViewState:
    """Read an address; what is missing, malformed or unknown falls back to the default, never to an error."""
    return ViewState(
        db=query.get("db") or None,
        model=query.get("model") or None,
        label=query.get("class") or None,
        sample=query.get("sample") or None,
        tab=_one_of(query.get("tab"), TABS) or _implied_tab(query.get("class"), query.get("sample")),
        threshold=_share(query.get("threshold"), DEFAULT_THRESHOLD),
        opacity=_share(query.get("opacity"), DEFAULT_OPACITY),
        signed=query.get("signed") == "1",
        against=query.get("against") == "1",
        colours=_one_of(query.get("colours"), COLOUR_MAPS) or UNSIGNED,
        layer=_one_of(query.get("layer"), LAYERS) or "multimodal",
        shown=_one_of(query.get("shown"), FILTERS) or "all",
        split=_one_of(query.get("split"), SPLITS),
        within=_one_of(query.get("within"), WITHIN) or "class",
        rival=query.get("rival") or None,
        share=_range(query.get("share")),
        sure=_range(query.get("sure")),
        word=query.get("word") or None,
        sort=_one_of(query.get("sort"), SORTS) or "name",
        rank=query.get("rank") or None,
        scope=_one_of(query.get("scope"), SCOPES) or "class",
        pair=query.get("pair") or None,
        open=query.get("open") or None,
        focus=query.get("focus") or None,
        map=query.get("map") or None,
        whatif=query.get("whatif") == "1",
        off=query.get("off") or None,
        only=_one_of(query.get("only"), LAYERS),
        compare=_one_of(query.get("compare"), COMPARED) or "sample",
        about=_one_of(query.get("about"), ABOUT) or "answer",
        asked=query.get("q") or None,
    )


def write_state(state: ViewState) -> str:
    """The address's query, `?` and all, with defaults left out; `read_state` of it gives the same state."""
    default = ViewState()
    parts = {
        "db": state.db,
        "model": state.model,
        "class": state.label,
        "sample": state.sample,
        "tab": None if state.tab == _implied_tab(state.label, state.sample) else state.tab,
        "threshold": None if state.threshold == default.threshold else f"{state.threshold:g}",
        "opacity": None if state.opacity == default.opacity else f"{state.opacity:g}",
        "signed": "1" if state.signed else None,
        "against": "1" if state.against else None,
        "colours": None if state.colours == default.colours else state.colours,
        "layer": None if state.layer == default.layer else state.layer,
        "shown": None if state.shown == default.shown else state.shown,
        "split": state.split,
        "within": None if state.within == default.within else state.within,
        "rival": state.rival,
        "share": write_range(state.share),
        "sure": write_range(state.sure),
        "word": state.word,
        "sort": None if state.sort == default.sort else state.sort,
        "rank": state.rank,
        "scope": None if state.scope == default.scope else state.scope,
        "pair": state.pair,
        "open": state.open,
        "focus": state.focus,
        "map": state.map,
        "whatif": "1" if state.whatif else None,
        "off": state.off,
        "only": state.only,
        "compare": None if state.compare == default.compare else state.compare,
        "about": None if state.about == default.about else state.about,
        "q": state.asked,
    }
    return "?" + urlencode({key: value for key, value in parts.items() if value is not None})


def write_range(limits: Range | None) -> str | None:
    """A range as the address has it, `0.2-0.4`."""
    return None if limits is None else f"{limits[0]:g}-{limits[1]:g}"


def _implied_tab(label: str | None, sample: str | None) -> str:
    """The tab of an address that names none: a sample's where it is about a class or a sample, else the overview."""
    return "sample" if label or sample else "overview"


def _range(text: str | None) -> Range | None:
    """Two shares in rising order; None for anything else."""
    low, dash, high = (text or "").partition("-")
    limits = (_share(low, 1.0), _share(high, 0.0))
    return limits if low and dash and limits[0] < limits[1] else None


def _one_of(value: str | None, allowed: tuple[str, ...]) -> str | None:
    return value if value in allowed else None


def _share(value: str | None, default: float) -> float:
    try:
        number = float(value) if value else default
    except ValueError:
        return default
    return min(max(number, 0.0), 1.0) if number == number else default  # nan differs from itself
