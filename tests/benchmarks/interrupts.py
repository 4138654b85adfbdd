"""Ctrl-C at random instants of the whole job: `python -m tests.benchmarks.interrupts --count 40`.

Each run starts where the last one stopped, on the default runtime. Counted: exit codes, lines on standard error that
say how to go on, tracebacks, segmentation faults, files left in WAL mode. One JSON line at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from db.interruption import GOES_ON
from db.plain_table import table
from precompute.dataset.planted_set.writer import write_planted_set
from tests.tiny_recipe import RECIPE

PROJECT = Path(__file__).parent.parent.parent
AUTO = RECIPE.replace('runtime = "openvino"\nprecision = "float32"\n', "")
LONGEST = 20.0
"""Seconds after which a run is interrupted at the latest; it takes about as long in all."""


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", *map(str, arguments)]


def interrupt(arguments: list[str], delay: float, number: signal.Signals) -> tuple[int | None, str]:
    """The exit code and standard error of a run that gets a signal, None where it ended before."""
    process = subprocess.Popen(arguments, cwd=PROJECT, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        _, said = process.communicate(timeout=delay)
        return None, said
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, number)  # as a terminal does: the workers get it, too
    _, said = process.communicate(timeout=60)
    return process.returncode, said


def wal(file: Path) -> bool:
    """Whether a SQLite file is left in WAL mode, or with one beside it."""
    if not file.exists():
        return False
    return file.read_bytes()[18:20] != b"\x01\x01" or file.with_name(f"{file.name}-wal").exists()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=0, help="0 = 1 and 2 in turn")
    options = parser.parse_args()
    drawn, found, stages, faults = random.Random(options.seed), Counter[str](), Counter[str](), []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_planted_set(root / "set", seed=0, train_per_class=4, test_per_class=2)
        (root / "auto.toml").write_text('stages = ["ingest", "train", "explain-local", "explain-global"]\n' + AUTO)
        started, round_ = time.monotonic(), 0
        while found["interrupted"] < options.count:
            database = root / f"{round_}.db"
            workers = options.workers or 1 + found["interrupted"] % 2
            run = ["run", "--dataset", root / "set", "--recipe", root / "auto.toml", "--db", f"sqlite:///{database}"]
            number = drawn.choice((signal.SIGINT, signal.SIGINT, signal.SIGINT, signal.SIGTERM))
            code, said = interrupt(
                command("precompute", *run, "--workers", workers), drawn.uniform(0.3, LONGEST / 2), number
            )
            if code is None or (code == 0 and "done: " in said):  # the signal found nothing to interrupt any more
                found["ended before"] += 1
                round_ += 1
                continue
            lines = [line for line in said.splitlines() if GOES_ON in line]
            last = next((line.split(":")[0] for line in reversed(said.splitlines()) if ": " in line), "start")
            wrong = [
                name
                for name, bad in (
                    ("exit code", code != 128 + number),
                    ("segmentation fault", code == -signal.SIGSEGV),
                    ("line", len(lines) != 1),
                    ("traceback", "Traceback" in said),
                    ("wal", wal(database)),
                )
                if bad
            ]
            found["interrupted"] += 1
            found.update(wrong)
            stages[last] += 1
            if wrong:
                faults.append((code, wrong, said))
                print(f"{wrong} exit {code}\n{said}\n")
        seconds = time.monotonic() - started
    rows = [(name, str(count)) for name, count in stages.most_common()]
    print(table([("last line was about", "interrupts"), *rows], "<>"))
    print(json.dumps({"benchmark": "interrupts", **found, "faulty": len(faults), "seconds": round(seconds)}))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
