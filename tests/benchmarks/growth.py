"""Time and peak memory of explaining against the number of samples and of features, as tables and a plot."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Event, Thread
from typing import Any

import matplotlib
import numpy as np

from db.plain_table import table
from precompute.local_explanations.explain import explain_sample
from precompute.local_explanations.superpixels import segment
from precompute.models.protocol import Entry, Model
from tests.benchmarks.reference import OUTPUT, Shop, Subject

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import torch

SUPERPIXELS = (10, 25, 50, 100, 200, 400)
ENTRIES = (0, 4, 8, 32, 128, 256)


class _PeakMemory:
    """The greatest resident size, in MB, while a block runs (Linux; looked at a hundred times a second)."""

    def __enter__(self) -> _PeakMemory:
        self.peak = 0.0
        self._over = Event()
        self._thread = Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.01):
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            self.peak = max(self.peak, pages * 4096 / 1e6)


def growth(shop: Shop, pictures: Sequence[Subject]) -> dict[str, Any]:
    """Print, plot and return seconds and MB: a sample after another, more superpixels, more entries."""
    models = shop.models("auto")
    _explain(shop, pictures[0], models)
    found = {
        "samples": _over_samples(shop, pictures, models),
        "superpixels": _over_superpixels(shop, pictures[0], models),
        "entries": _over_entries(shop, pictures[0], models),
    }
    for title, rows in found.items():
        lines = [(str(row["count"]), f"{row['seconds']:.2f}", f"{row['megabytes']:.0f}") for row in rows]
        print(f"\n{table([(title, 'seconds', 'peak MB'), *lines], '>>>')}")
    _plot(found)
    return found


def _explain(
    shop: Shop, subject: Subject, models: Mapping[str, Model], entries: list[Entry] | None = None, segments: int = 100
) -> int:
    """Explain a picture with so many entries and superpixels; returns the number of superpixels."""
    recipe = shop.options.recipe
    settings = recipe.explain.model_copy(update={"segments": segments})
    label_map = segment(subject.picture, settings)
    texts = subject.entries if entries is None else entries
    explain_sample(
        models,
        path=subject.sample.path,
        label=subject.sample.label,
        picture=subject.picture,
        label_map=label_map,
        entries=texts,
        readable=texts,
        settings=settings,
        run_seed=0,
        batch_size=recipe.runtime.batch_size,
        device=torch.device("cpu"),
    )
    return int(label_map.max()) + 1


def _over_samples(shop: Shop, pictures: Sequence[Subject], models: Mapping[str, Model]) -> list[dict[str, float]]:
    rows = []
    start = time.perf_counter()
    for count, subject in enumerate(pictures, 1):
        with _PeakMemory() as memory:
            _explain(shop, subject, models)
        rows.append({"count": count, "seconds": time.perf_counter() - start, "megabytes": memory.peak})
    return rows


def _over_superpixels(shop: Shop, subject: Subject, models: Mapping[str, Model]) -> list[dict[str, float]]:
    rows = []
    for segments in SUPERPIXELS:
        with _PeakMemory() as memory:
            start = time.perf_counter()
            count = _explain(shop, subject, models, segments=segments)
        rows.append({"count": count, "seconds": time.perf_counter() - start, "megabytes": memory.peak})
    return rows


def _over_entries(shop: Shop, subject: Subject, models: Mapping[str, Model]) -> list[dict[str, float]]:
    """One word an entry, all different; each length of text is compiled before it is timed."""
    rows = []
    for count in ENTRIES:
        entries = [Entry(f"word{number}") for number in range(count)]
        _explain(shop, subject, models, entries)
        with _PeakMemory() as memory:
            start = time.perf_counter()
            _explain(shop, subject, models, entries)
        rows.append({"count": count, "seconds": time.perf_counter() - start, "megabytes": memory.peak})
    return rows


def _plot(found: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
    figure, axes = plt.subplots(2, len(found), figsize=(12, 6), layout="constrained")
    for column, (title, rows) in enumerate(found.items()):
        counts = [row["count"] for row in rows]
        for place, (field, label) in enumerate((("seconds", "seconds"), ("megabytes", "peak memory, MB"))):
            axis = axes[place, column]
            axis.plot(counts, [row[field] for row in rows], marker="o")
            axis.set(xlabel=title, ylabel=label, ylim=(0, 1.1 * max(row[field] for row in rows)))
    OUTPUT.mkdir(exist_ok=True)
    figure.savefig(OUTPUT / "growth.png", dpi=100)
    plt.close(figure)
    slope = np.polyfit([r["count"] for r in found["samples"]], [r["seconds"] for r in found["samples"]], 1)[0]
    print(f"\n{slope:.2f} s a sample; plot: {OUTPUT / 'growth.png'}")
