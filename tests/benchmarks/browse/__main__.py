"""How fast the browser is at P1's scale, and beside it, in the same run, the naive way to show the same in Gradio.

python -m tests.benchmarks.browse                          # 256 classes x 50 samples x 3 models
python -m tests.benchmarks.browse --explanations 400000    # more classes and six models

Builds a database of synthetic numbers with pictures of the built-in sample set (once: it is kept in
tests/benchmarks/output), starts the app as a process of its own and drives headless Chromium. A picture counts as
painted once it is decoded and the frame after it has been drawn; the time runs inside the page, from the visitor's key
or click.
"""

from __future__ import annotations

import argparse
import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import sync_playwright

from db.read.reader import Reader
from db.session import open_read_only
from tests.benchmarks.browse.database import EXPLANATIONS_A_SAMPLE, build
from tests.benchmarks.browse.server import serving
from tests.benchmarks.browse.visits import SAMPLE, SAMPLE_TAB, Naive, ShelfLens, asked_words, visit
from tests.browser.conftest import ARGUMENTS
from tests.system import installed_browser

OUTPUT = Path(__file__).parents[1] / "output"
CLASSES, SAMPLES, MODELS = 256, 50, 3
MANY_MODELS = 6
STARTS, VISITS = 3, 6
BARS = {
    "next sample": 80,
    "class change, photograph": 150,
    "class change, multimodal": 400,
    "tab change": 150,
    "compare 3 models": 250,
    "search": 150,
    "first page": 1500,
    "first page, a sample": 1500,
    "server ready": 6000,
}
"""Milliseconds, p95."""
MEMORY_BAR, ACTIONS, MORE_ACTIONS = 350, 1000, 500

Figures = dict[str, list[float]]


def database(explanations: int | None) -> tuple[Path, str]:
    """The database, built where it is not there yet, and its size in words."""
    classes, models = CLASSES, MODELS
    if explanations is not None:
        models = MANY_MODELS
        classes = math.ceil(explanations / (SAMPLES * models * EXPLANATIONS_A_SAMPLE))
    path = OUTPUT / f"browse-{classes}x{SAMPLES}x{models}.db"
    if not path.exists():
        OUTPUT.mkdir(exist_ok=True)
        build(path, classes, SAMPLES, models)
    return path, f"{classes} classes x {SAMPLES} samples x {models} models"


def measure(browser: Any, kind: ShelfLens | Naive, path: Path, names: Sequence[str], times: int) -> Figures:
    """All figures of one of the pages, milliseconds."""
    figures: Figures = {"server ready": []}
    for _ in range(STARTS - 1):
        with serving(kind.module, path) as server:
            figures["server ready"].append(1000 * server.ready)
    with serving(kind.module, path) as server:
        figures["server ready"].append(1000 * server.ready)
        figures["first page"] = [kind.first_page(browser, server.address, names) for _ in range(VISITS)]
        if isinstance(kind, ShelfLens):
            figures["first page, a sample"] = [kind.first_sample(browser, server.address, names) for _ in range(VISITS)]
        figures |= kind.measure(browser, server.address, names, times)
    return figures


def memory(browser: Any, path: Path, names: Sequence[str], actions: int, more: int) -> dict[str, float]:
    """Resident MB of the app at its start, after so many actions, and after more of them."""
    lens = ShelfLens()
    with serving(lens.module, path) as server, visit(browser, server.address, names) as one:
        found = {"start": server.megabytes()}
        one.first(SAMPLE_TAB, **SAMPLE)
        lens.wander(one, actions)
        found[f"after {actions}"] = server.megabytes()
        lens.wander(one, more)
        found[f"after {actions + more}"] = server.megabytes()
    return found


def summary(figures: Figures) -> dict[str, dict[str, float]]:
    """p50 and p95 of each figure."""
    return {
        name: {"p50": round(float(np.percentile(took, 50))), "p95": round(float(np.percentile(took, 95)))}
        for name, took in figures.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--explanations", type=int, help="about so many, in place of P1's 78,000")
    parser.add_argument("--times", type=int, default=40, help="how often each action is done")
    parser.add_argument("--actions", type=int, default=ACTIONS, help="before memory is looked at; 0 = not at all")
    parser.add_argument("--without-naive", action="store_true")
    options = parser.parse_args()
    path, size = database(options.explanations)
    reader = Reader(open_read_only(f"sqlite:///{path}"))
    titles, labels = zip(*((view.title, view.label) for view in reader.classes.all()), strict=True)
    words = asked_words(reader.search.vocabulary(), options.times)
    explanations = sum(model.explanations for model in reader.models.all())
    load = os.getloadavg()[0]
    print(f"{size}, {explanations:,} explanations, {path.stat().st_size / 1e6:,.0f} MB; load before the run {load:.1f}")
    result: dict[str, Any] = {"database": size, "explanations": explanations, "load": load}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=installed_browser(), args=ARGUMENTS)
        result["ms"] = summary(measure(browser, ShelfLens(words), path, titles, options.times))
        _print(result["ms"], {})
        naive = {} if options.without_naive else summary(measure(browser, Naive(), path, labels, options.times // 4))
        result["naive_ms"] = naive
        if naive:
            _print(result["ms"], naive)
        if options.actions:
            result["memory_mb"] = memory(browser, path, titles, options.actions, MORE_ACTIONS)
            print(f"memory, MB (at most {MEMORY_BAR}): {result['memory_mb']}")
        browser.close()
    print(json.dumps(result))


def _print(found: dict[str, dict[str, float]], naive: dict[str, dict[str, float]]) -> None:
    print(f"{'ms':26} {'p50':>7} {'p95':>7} {'at most':>8} {'':4} {'naive p50':>10} {'p95':>7} {'times':>6}")
    for name, bar in BARS.items():
        if name not in found:
            print(f"{name:26} skipped: there is no such tab")
            continue
        p50, p95 = found[name]["p50"], found[name]["p95"]
        line = f"{name:26} {p50:7.0f} {p95:7.0f} {bar:8} {'' if p95 <= bar else 'OVER':4}"
        if name in naive:
            line += f" {naive[name]['p50']:10.0f} {naive[name]['p95']:7.0f} {naive[name]['p50'] / p50:6.1f}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
