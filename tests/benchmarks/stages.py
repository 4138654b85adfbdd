"""Stages against those of another checkout: `python -m tests.benchmarks.stages --before ../before --repeat 3`.

`git worktree add ../before REVISION` makes one; it needs a .venv (a link will do). Both checkouts do the same work
in turn on the sample set, each in a new database: ingest, predict, explain-local, with one worker and two. Times are
whole processes, start included; the ratio is that of the minima. One JSON line at the end.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from db.plain_table import table
from precompute.dataset.planted_set.writer import write_planted_set

PROJECT = Path(__file__).parent.parent.parent
STAGES = ("ingest", "predict", "explain-local")


def timed(checkout: Path, *arguments: object) -> float:
    started = time.perf_counter()
    command = [checkout / ".venv/bin/python", "-m", "precompute", *map(str, arguments)]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{checkout}: {done.stderr}")
    return time.perf_counter() - started


def forget_predictions(database: Path) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("DELETE FROM work_unit WHERE stage = 'predict'")


def measure(checkout: Path, dataset: Path, recipe: Path, folder: Path, workers: int) -> dict[str, float]:
    database = folder / "stages.db"
    options = ["--dataset", dataset, "--recipe", recipe, "--db", f"sqlite:///{database}", "--workers", workers]
    seconds = {"ingest": timed(checkout, "ingest", *options)}
    timed(checkout, "train", *options)
    forget_predictions(database)
    seconds["predict"] = timed(checkout, "train", *options)
    seconds["explain-local"] = timed(checkout, "explain-local", *options)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", type=Path, required=True)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--train", type=int, default=12, help="Samples of each class.")
    parser.add_argument("--test", type=int, default=6, help="Samples of each class.")
    options = parser.parse_args()
    taken: dict[tuple[int, str, str], list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as root:
        dataset, recipe = Path(root) / "set", Path(root) / "stages.toml"
        write_planted_set(dataset, seed=0, train_per_class=options.train, test_per_class=options.test)
        recipe.write_text((PROJECT / "assets/recipes/demo.toml").read_text())
        for number in range(options.repeat):
            for workers in (1, 2):
                for name, checkout in (("before", options.before.resolve()), ("now", PROJECT)):
                    folder = Path(root) / f"{number}-{workers}-{name}"
                    folder.mkdir()
                    for stage, seconds in measure(checkout, dataset, recipe, folder, workers).items():
                        taken[workers, stage, name].append(seconds)
    ratios, rows = {}, [("stage", "workers", "before s", "now s", "now / before")]
    for workers in (1, 2):
        for stage in STAGES:
            before, now = (min(taken[workers, stage, name]) for name in ("before", "now"))
            ratios[f"{stage} {workers}"] = round(now / before, 3)
            rows.append((stage, str(workers), f"{before:.2f}", f"{now:.2f}", f"{now / before:.2f}"))
    print(table(rows, "<>>>>"))
    print(json.dumps({"benchmark": "stages", "ratios": ratios, "repeat": options.repeat}))


if __name__ == "__main__":
    main()
