"""The view as it stands in the page's address, read and written back; its twin is assets/page/address.js."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args
from urllib.parse import urlencode

from app.drawing.heatmaps import View

TABS = ("overview", "sample", "gallery", "global")
FILTERS = ("all", "right", "wrong")
SPLITS = ("train", "test", "all")
SCOPES = ("class", "model")
LAYERS = ("photograph", *get_args(View))

DEFAULT_THRESHOLD = 0.2
DEFAULT_OPACITY = 0.6


@dataclass(frozen=True)
class ViewState:
    """Everything that a copied link restores; None = left to the server, which takes the first that there is.

    `db`, `model`, `label` (the class) and `sample` are names; `threshold` and `opacity` lie in [0, 1]; `against`
    shows the runner-up's explanation; `layer` (the view), `shown` and `split` belong to the gallery; `scope` (a class
    or the whole model), `pair` (of confused classes) and `open` (what is folded out) to the global tab; `focus` is the
    part of the sample that is outlined, `image-12` or `text-3`; `map` the activation map, `forecast.TZZ.grad-cam.4.13`.
    """

    db: str | None = None
    model: str | None = None
    label: str | None = None
    sample: str | None = None
    tab: str = "sample"
    threshold: float = DEFAULT_THRESHOLD
    opacity: float = DEFAULT_OPACITY
    signed: bool = False
    against: bool = False
    layer: str = "multimodal"
    shown: str = "all"
    split: str | None = None
    scope: str = "class"
    pair: str | None = None
    open: str | None = None
    focus: str | None = None
    map: str | None = None


def read_state(query: Mapping[str, str]) -> ViewState:
    """Read an address; what is missing, malformed or unknown falls back to the default, never to an error."""
    return ViewState(
        db=query.get("db") or None,
        model=query.get("model") or None,
        label=query.get("class") or None,
        sample=query.get("sample") or None,
        tab=_one_of(query.get("tab"), TABS) or "sample",
        threshold=_share(query.get("threshold"), DEFAULT_THRESHOLD),
        opacity=_share(query.get("opacity"), DEFAULT_OPACITY),
        signed=query.get("signed") == "1",
        against=query.get("against") == "1",
        layer=_one_of(query.get("layer"), LAYERS) or "multimodal",
        shown=_one_of(query.get("shown"), FILTERS) or "all",
        split=_one_of(query.get("split"), SPLITS),
        scope=_one_of(query.get("scope"), SCOPES) or "class",
        pair=query.get("pair") or None,
        open=query.get("open") or None,
        focus=query.get("focus") or None,
        map=query.get("map") or None,
    )


def write_state(state: ViewState) -> str:
    """The address's query, `?` and all, with defaults left out; `read_state` of it gives the same state."""
    default = ViewState()
    parts = {
        "db": state.db,
        "model": state.model,
        "class": state.label,
        "sample": state.sample,
        "tab": None if state.tab == default.tab else state.tab,
        "threshold": None if state.threshold == default.threshold else f"{state.threshold:g}",
        "opacity": None if state.opacity == default.opacity else f"{state.opacity:g}",
        "signed": "1" if state.signed else None,
        "against": "1" if state.against else None,
        "layer": None if state.layer == default.layer else state.layer,
        "shown": None if state.shown == default.shown else state.shown,
        "split": state.split,
        "scope": None if state.scope == default.scope else state.scope,
        "pair": state.pair,
        "open": state.open,
        "focus": state.focus,
        "map": state.map,
    }
    return "?" + urlencode({key: value for key, value in parts.items() if value is not None})


def _one_of(value: str | None, allowed: tuple[str, ...]) -> str | None:
    return value if value in allowed else None


def _share(value: str | None, default: float) -> float:
    try:
        number = float(value) if value else default
    except ValueError:
        return default
    return min(max(number, 0.0), 1.0) if number == number else default  # nan differs from itself
