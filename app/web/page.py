"""The page as Gradio Blocks: dropdowns, tabs and empty places that assets/page/page.js fills from /view."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import gradio as gr

from app.databases import Library
from app.drawing.colours import COLOUR_MAPS, Bytes, colour_table, hexadecimal
from app.routes.api import add_endpoints
from app.templating import render

ASSETS = Path(__file__).parents[2] / "assets"
LOOK = (ASSETS / "style.css", *sorted((ASSETS / "page").glob("*.js")))

QUIET = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
MOUNT = """
const lens = window.shelfLens;
lens.mount ? lens.mount(element) : lens.queue.push(['mount', element]);
"""
BRIDGE = """
const fire = () => trigger('sync');
window.shelfLens.bridge ? window.shelfLens.bridge(fire) : window.shelfLens.queue.push(['bridge', fire]);
"""
TABS = (
    ("overview", "Overview"),
    ("sample", "Single Sample"),
    ("gallery", "Gallery"),
    ("global", "Global"),
    ("compare", "Compare"),
    ("search", "Search"),
)


def make_theme() -> gr.themes.Base:
    """Gradio's plain theme in a font that Gradio itself serves: no other host is asked for one."""
    fonts = [gr.themes.utils.fonts.LocalFont("IBM Plex Sans", weights=(400, 700)), "system-ui", "sans-serif"]
    mono = [gr.themes.utils.fonts.LocalFont("IBM Plex Mono", weights=(400,)), "ui-monospace", "monospace"]
    return gr.themes.Base(primary_hue="teal", neutral_hue="stone", font=fonts, font_mono=mono)


def look_version() -> str:
    """Changes with the style sheet and the scripts; stands in their addresses."""
    return hashlib.sha256(b"".join(file.read_bytes() for file in LOOK)).hexdigest()[:12]


def head() -> str:
    """The style sheet and the icon, which Gradio adds to the page."""
    return render("head.html", version=look_version())


def early() -> str:
    """The scripts and their waiting list, which the page brings along."""
    tables = {name: table.tobytes().hex() for name, table in _tables().items()}
    modules = [file.name for file in LOOK if file.suffix == ".js"]
    return render("early.html", version=look_version(), colours=tables, modules=modules)


def make_blocks(libraries: Mapping[str, Library]) -> gr.Blocks:
    """The page. All its events run in the browser; the server has no handler that keeps anything."""
    with gr.Blocks(title="Shelf Lens", analytics_enabled=False, fill_width=True) as blocks:
        with gr.Row(elem_id="sl-header"):
            gr.HTML(render("brand.html"), elem_id="sl-brand", js_on_load=None, apply_default_css=False)
            database = _dropdown("Database", "db", visible=len(libraries) > 1)
            model = _dropdown("Model", "model")
            label = _dropdown("Class", "class")
            gr.HTML(render("actions.html"), elem_id="sl-actions", js_on_load=None, apply_default_css=False)
        with gr.Tabs(selected="overview", overflow_behavior="wrap", elem_id="sl-tabs") as tabs:
            for name, title in TABS:
                with gr.Tab(title, id=name, render_children=True):
                    shell = render(f"shell_{name}.html", scale=_scale()) if name != "overview" else None
                    html = shell or render("shell.html", name=name)
                    gr.HTML(html, elem_classes="sl-place", js_on_load=MOUNT, apply_default_css=False)
        for dropdown, key in ((database, "db"), (model, "model"), (label, "class")):
            dropdown.change(None, dropdown, js=f"(value) => window.shelfLens.pick('{key}', value)", **QUIET)
        bridge = gr.HTML("", visible="hidden", js_on_load=BRIDGE, apply_default_css=False)
        bridge.sync(None, None, [database, model, label, tabs], js="() => window.shelfLens.header()", **QUIET)
        add_endpoints(libraries)
    return blocks


def _dropdown(label: str, key: str, visible: bool = True) -> gr.Dropdown:
    return gr.Dropdown([], label=label, filterable=True, visible=visible, elem_id=f"sl-{key}", elem_classes="sl-pick")


def _scale() -> dict[str, str]:
    """The colour maps as CSS gradients, for the legends: those of COLOUR_MAPS from 0 to 1, the signed from -1 to 1."""
    stops = range(0, 256, 17)
    return {name: ", ".join(hexadecimal(table[stop]) for stop in stops) for name, table in _tables().items()}


def _tables() -> dict[str, Bytes]:
    return {name: colour_table(False, name) for name in COLOUR_MAPS} | {"signed": colour_table(True)}
