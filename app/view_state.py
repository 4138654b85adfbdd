"""The page's state as it stands in the address: one table, which the server reads and which the page receives as JSON.

A field is stated once, below: its key in the address, its kind and allowed values, its default, and which fragments of
the page depend on it. `read_state` and, by `page_table`, assets/page/address.js, slots.js and events.js follow it.

To add a gallery filter takes a line here, its logic in app/tabs/gallery/selection.py and its control in
app/tabs/gallery/shell_gallery.html, nothing else; CONTRIBUTING.md shows one, which tests try out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from app.drawing.colours import COLOUR_MAPS, UNSIGNED
from app.drawing.heatmaps import View

TABS = {
    "overview": "Overview",
    "sample": "Single Sample",
    "gallery": "Gallery",
    "global": "Global",
    "compare": "Compare",
    "search": "Search",
}
"""The tabs with their titles, in their order on the page."""
LAYERS = ("photograph", *get_args(View))
DEFAULT_THRESHOLD = 0.2

Range = tuple[float, float]

EVERY = ("overview", "strip", "sample", "maps", "gallery", "global", "compare", "search", "choices")
OF_CLASS = ("strip", "sample", "maps", "gallery", "global", "compare")
OF_SAMPLE = ("strip", "sample", "maps", "compare")


@dataclass(frozen=True)
class Field:
    """How one field of the state is written in the address and what it belongs to.

    `kind` = name (any text; absent = None), choice (one of `allowed`), share (a number in [0, 1]), range (`0.2-0.4`) or
    flag (`1`). `fragments` are asked for with this field in their address. A link to `tab` sets the field to what the
    link says, or to its default; a name without a tab changes only where a link names it. A change of a field with
    `history` is a new step for the browser's back button.
    """

    kind: str
    key: str | None
    allowed: tuple[str, ...]
    fragments: tuple[str, ...]
    tab: str | None
    history: bool


def _field(
    kind: str,
    default: Any,
    *,
    key: str | None = None,
    allowed: tuple[str, ...] = (),
    fragments: tuple[str, ...] = (),
    tab: str | None = None,
    history: bool = True,
) -> Any:
    field = Field(kind, key, allowed, fragments, tab, history)
    return dataclasses.field(default=default, metadata={"field": field})


def name(**more: Any) -> Any:
    """A field of any text; None where the address does not have it."""
    return _field("name", None, **more)


def choice(*allowed: str, default: str | None = "", **more: Any) -> Any:
    """A field that is one of `allowed`, by default the first."""
    return _field("choice", allowed[0] if default == "" else default, allowed=allowed, **more)


def share_range(**more: Any) -> Any:
    """A field that is a range of shares, `0.2-0.4`; None where the address does not have it."""
    return _field("range", None, **more)


@dataclass(frozen=True)
class ViewState:
    """What the server reads of an address; None = left to the server, which takes the first that there is.

    `db`, `model`, `label` (the class) and `sample` are names. `focus` is the feature of the sample that is outlined,
    `image-12` or `text-3`; `map` the activation map, `forecast.TZZ.grad-cam.4.13`. `scope` (a class or the whole model)
    and `pair` (of confused classes) belong to the Global tab.

    The gallery shows samples `within` a class or all, of a `split`, `shown` = right, wrong, confused (taken for the
    class `rival` where it is given) or tagged, whose `image_share` and `probability` lie in these ranges, on whose pack
    `word` was read, ordered by `sort`. The Compare tab shows a sample, a class or the confusion matrix, and explains
    each model's answer or the true class (`explained_class`). `asked` are the words searched for.
    """

    db: str | None = name(fragments=EVERY)
    model: str | None = name(fragments=EVERY)
    label: str | None = name(key="class", fragments=OF_CLASS)
    sample: str | None = name(fragments=OF_SAMPLE)
    shown: str = choice("all", "right", "wrong", "confused", "tagged", fragments=("gallery",), tab="gallery")
    split: str | None = choice("train", "test", "all", default=None, fragments=("gallery",), tab="gallery")
    within: str = choice("class", "all", fragments=("gallery",), tab="gallery")
    rival: str | None = name(fragments=("gallery",), tab="gallery")
    image_share: tuple[float, float] | None = share_range(key="share", fragments=("gallery",), tab="gallery")
    probability: tuple[float, float] | None = share_range(key="sure", fragments=("gallery",), tab="gallery")
    word: str | None = name(fragments=("gallery",), tab="gallery")
    sort: str = choice(
        "name", "unsure", "sure", "picture", "words", "doubtful", "trusted", fragments=("gallery",), tab="gallery"
    )
    scope: str = choice("class", "model", fragments=("global",), tab="global")
    pair: str | None = name(fragments=("global",))
    focus: str | None = name(fragments=("sample",))
    map: str | None = name(fragments=("maps",), history=False)
    compare: str = choice("sample", "class", "confusion", fragments=("compare",), tab="compare")
    explained_class: str = choice("answer", "true", key="about", fragments=("compare",))
    asked: str | None = name(key="q", fragments=("search",), history=False)


@dataclass(frozen=True)
class PageState(ViewState):
    """What the page's scripts read besides; the server never sees it.

    `tab` defaults to the sample's where the address names a class or a sample, else to the overview. `threshold` and
    `opacity` are how heat maps are drawn; `signed` adds evidence against, `against` shows the runner-up's explanation.
    `layer` is the gallery's view, `only` the one view of a sample that is shown, large. `rank` orders the overview's
    classes by a column, `-` = the highest first; `open` is what is folded out. `whatif` lets features be switched off,
    `off` lists them, `image-12.text-3`.
    """

    tab: str | None = choice(*TABS, default=None)
    threshold: float = _field("share", DEFAULT_THRESHOLD, history=False)
    opacity: float = _field("share", 0.6, history=False)
    signed: bool = _field("flag", False, history=False)
    against: bool = _field("flag", False, history=False)
    colours: str = choice(*COLOUR_MAPS, default=UNSIGNED, history=False)
    layer: str = choice(*LAYERS, default="multimodal")
    only: str | None = choice(*LAYERS, default=None)
    rank: str | None = name(history=False)
    open: str | None = name(history=False)
    whatif: bool = _field("flag", False, history=False)
    off: str | None = name(history=False)


def page_table() -> dict[str, dict[str, Any]]:
    """The table as the page receives it: by key of the address, every field of `PageState`."""
    table = {}
    for entry in dataclasses.fields(PageState):
        field: Field = entry.metadata["field"]
        table[field.key or entry.name] = {
            "kind": field.kind,
            "initial": entry.default,
            "allowed": field.allowed,
            "fragments": field.fragments,
            "tab": field.tab,
            "history": field.history,
        }
    return table


def read_state(query: Mapping[str, str]) -> ViewState:
    """Read an address; what is missing, malformed or unknown falls back to the default, never to an error."""
    values: dict[str, Any] = {}
    for entry in dataclasses.fields(ViewState):
        field: Field = entry.metadata["field"]
        text = query.get(field.key or entry.name)
        if field.kind == "range":
            values[entry.name] = _range(text)
        elif field.kind == "choice":
            values[entry.name] = text if text in field.allowed else entry.default
        else:
            values[entry.name] = text or None
    return ViewState(**values)


def _range(text: str | None) -> Range | None:
    """Two shares in rising order; None for anything else."""
    low, dash, high = (text or "").partition("-")
    pair = (_share(low, 1.0), _share(high, 0.0))
    return pair if low and dash and pair[0] < pair[1] else None


def _share(text: str, default: float) -> float:
    try:
        number = float(text) if text else default
    except ValueError:
        return default
    return min(max(number, 0.0), 1.0) if number == number else default  # nan differs from itself
