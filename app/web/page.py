"""The page as Gradio Blocks: dropdowns, tabs and empty slots that assets/page/page.js fills from /view.

What it buys: the next sample is painted after 40 ms, by Gradio's components (`gr.Image`, `gr.Gallery`) after 560 ms
(docs/browsing.md); the server keeps no state of a visitor. Of Gradio there are the dropdowns, the tabs, the frame
around them and the endpoints for programs. `gradio.Server` would give the endpoints, but neither dropdowns nor tabs.
Gradio internals: `gr.HTML` runs `js_on_load` with `element` and `trigger`; an event without a Python function runs its
`js` in the browser and takes updates (`__type__`) from it; a tab's button has `data-tab-id`; a dropdown searches its
choices when a key is pressed in it.
Fails when they change: tests/browser/test_page.py, test_every_tab_opens; tests/browser/test_early_input.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import gradio as gr

from app.databases import Database
from app.drawing.colours import COLOUR_MAPS, Bytes, colour_table, hexadecimal
from app.routes.api import add_endpoints
from app.templating import render
from app.view_state import TABS, page_table

PAGE_FILES = Path(__file__).parents[2] / "assets" / "page"
STYLES = ("frame", "elements", "samples", "groups", "small_screens", "activation_maps")
"""The style sheets in the order in which later ones overrule earlier ones."""

QUIET = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
MOUNT = "window.shelfLens.call('mount', element)"
BRIDGE = "window.shelfLens.call('bridge', () => trigger('sync'))"


def make_theme() -> gr.themes.Base:
    """Gradio's plain theme in a font that Gradio itself serves: no other host is asked for one."""
    fonts = [gr.themes.utils.fonts.LocalFont("IBM Plex Sans", weights=(400, 700)), "system-ui", "sans-serif"]
    mono = [gr.themes.utils.fonts.LocalFont("IBM Plex Mono", weights=(400,)), "ui-monospace", "monospace"]
    return gr.themes.Base(primary_hue="teal", neutral_hue="stone", font=fonts, font_mono=mono)


def page_version() -> str:
    """Changes with the page's own scripts and style sheets; stands in their addresses."""
    files = sorted(PAGE_FILES.rglob("*.*"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def head() -> str:
    """The style sheets and the icon, which Gradio adds to the page behind its own."""
    return render("head.html", version=page_version(), styles=STYLES)


def head_scripts() -> str:
    """What the page needs before Gradio has started: its scripts and what they read (app/web/head_injection.py)."""
    return render(
        "head_scripts.html",
        version=page_version(),
        colours={name: table.tobytes().hex() for name, table in _tables().items()},
        fields=page_table(),
        modules=sorted(file.name for file in PAGE_FILES.glob("*.js")),
        styles=STYLES,
    )


def make_blocks(databases: Mapping[str, Database]) -> gr.Blocks:
    """The page. All its events run in the browser; the server has no handler that keeps anything."""
    with gr.Blocks(title="Shelf Lens", analytics_enabled=False, fill_width=True) as blocks:
        with gr.Row(elem_id="sl-header"):
            gr.HTML(render("brand.html"), elem_id="sl-brand", js_on_load=None, apply_default_css=False)
            database = _dropdown("Database", "db", visible=len(databases) > 1)
            model = _dropdown("Model", "model")
            label = _dropdown("Class", "class")
            gr.HTML(render("actions.html"), elem_id="sl-actions", js_on_load=None, apply_default_css=False)
        with gr.Tabs(selected="overview", overflow_behavior="wrap", elem_id="sl-tabs") as tabs:
            for name, title in TABS.items():
                with gr.Tab(title, id=name, render_children=True):
                    shell = render(f"shell_{name}.html", scale=_scale()) if name != "overview" else None
                    html = shell or render("shell.html", name=name)
                    gr.HTML(html, elem_classes="sl-content", js_on_load=MOUNT, apply_default_css=False)
        for dropdown, key in ((database, "db"), (model, "model"), (label, "class")):
            dropdown.change(None, dropdown, js=f"(value) => window.shelfLens.call('pick', '{key}', value)", **QUIET)
        bridge = gr.HTML("", visible="hidden", js_on_load=BRIDGE, apply_default_css=False)
        shown = [database, model, label, tabs]
        synced = bridge.sync(None, None, shown, js="() => window.shelfLens.header()", **QUIET)
        synced.then(None, js="() => window.shelfLens.drawn()", **QUIET)
        add_endpoints(databases)
    return blocks


def _dropdown(label: str, key: str, visible: bool = True) -> gr.Dropdown:
    return gr.Dropdown([], label=label, filterable=True, visible=visible, elem_id=f"sl-{key}", elem_classes="sl-pick")


def _scale() -> dict[str, str]:
    """The colour maps as CSS gradients, for the legends: those of COLOUR_MAPS from 0 to 1, the signed from -1 to 1."""
    stops = range(0, 256, 17)
    return {name: ", ".join(hexadecimal(table[stop]) for stop in stops) for name, table in _tables().items()}


def _tables() -> dict[str, Bytes]:
    return {name: colour_table(False, name) for name in COLOUR_MAPS} | {"signed": colour_table(True)}
