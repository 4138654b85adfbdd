"""`python -m tests.benchmarks.faults`: faults at random instants of the whole offline job, and what they leave."""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
from sqlalchemy import make_url, text

from db.plain_table import table
from tests import postgresql_server
from tests.benchmarks.faults.campaign import Campaign, Tally
from tests.benchmarks.faults.disk import SmallDisk, small_disk
from tests.benchmarks.faults.ground import Ground, draw, recipe
from tests.benchmarks.faults.job import STAGES, WARM, Place
from tests.benchmarks.faults.kinds import KINDS
from tests.benchmarks.faults.truth import References, address_engine

SETTLE = 20
"""Faults after which the job is let finish and compared."""


def prepare(folder: Path, quick: bool) -> None:
    """Draw the data set, and write the recipe."""
    draw(folder / "set", 3 if quick else 4)
    (folder / "recipe.toml").write_text(recipe(quick), encoding="utf-8")


def commands(quick: bool) -> tuple[str, ...]:
    """What the whole job consists of."""
    return ("run",) if quick else tuple(STAGES)


def campaign(
    folder: Path, url: str, seed: int, references: References, quick: bool = False, disk: SmallDisk | None = None
) -> Campaign:
    """Faults on one database, with a copy of the data set of their own."""
    chance = random.Random(seed)
    own = folder / make_url(url).get_backend_name()
    shutil.copytree(folder / "set", own / "set")
    artifacts = (disk.root if disk else own) / "artifacts"
    place = Place(url, own / "set", folder / "recipe.toml", artifacts, own / "logs")
    ground = Ground(own / "set", chance)
    return Campaign(place, ground, references, commands(quick), chance, lambda: _renew(url), disk, quick)


def plan(faults: int, chance: random.Random, disk: bool) -> list[str]:
    """Kinds of faults in a random order, each as often as it is due, and at least once where there is room."""
    weights = {name: weight for name, (weight, _) in KINDS.items() if disk or name != "full disk"}
    total = sum(weights.values())
    kinds = [name for name, weight in weights.items() for _ in range(max(1, round(faults * weight / total)))]
    chance.shuffle(kinds)
    kinds += chance.choices(list(weights), list(weights.values()), k=max(0, faults - len(kinds)))
    return kinds[:faults]


def run(one: Campaign, kinds: Sequence[str], settle: int = SETTLE, until: float = math.inf) -> Tally:
    """Commit the faults in turn, as long as `time.monotonic()` is below `until`; then the job goes to its end."""
    for number, kind in enumerate(kinds, 1):
        if time.monotonic() >= until:
            break
        one.step(f"-- {one.place.url.split(':')[0]} fault {number} of {len(kinds)}: {kind}")
        one.go(KINDS[kind][1], kind)
        if number % settle == 0 and number < len(kinds):
            one.settle()
            one.change(one.ground.edit_picture("train"))
    one.settle()
    return one.tally


@contextmanager
def database(engine: str, folder: Path) -> Iterator[tuple[str, SmallDisk | None]]:
    """A new database, and the small disk that it lies on, where there is one."""
    with ExitStack() as stack:
        if engine == "sqlite":
            disk = stack.enter_context(small_disk(folder / "disk"))
            yield f"sqlite:///{folder / 'disk' / 'faults.db'}", disk
            return
        given = os.environ.get("SHELFLENS_TEST_POSTGRESQL")
        if given is None:
            binaries = postgresql_server.find_binaries()
            if binaries is None:
                raise SystemExit("no PostgreSQL: apt-get install postgresql, or --engines sqlite")
            given = f"{stack.enter_context(postgresql_server.serve(binaries))}/postgres"
        yield stack.enter_context(postgresql_server.new_database(given)), None


def _renew(url: str) -> None:
    """Empty a database."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        for file in Path(str(parsed.database)).parent.glob(f"{Path(str(parsed.database)).name}*"):
            file.unlink()
        return
    engine = address_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="faults in all, shared by the engines")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--engines", default="sqlite,postgresql")
    parser.add_argument("--quick", action="store_true", help="fewer models and classes, no evaluation")
    parser.add_argument("--minutes", type=float, default=math.inf, help="for each engine; then no fault is begun")
    parser.add_argument("--warm", action="store_true", help="fork commands from a process that has imported everything")
    given = parser.parse_args(arguments)
    if given.warm:
        os.environ[WARM] = "1"
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # so that servers and disks are cleared up
    engines, started, total = given.engines.split(","), time.monotonic(), Tally()
    folder = Path(tempfile.mkdtemp(prefix="shelflens-faults-"))
    prepare(folder, given.quick)
    references = References(folder / "references", commands(given.quick))
    for place, engine in enumerate(engines):
        share = given.kills // len(engines) + (place < given.kills % len(engines))
        with database(engine, folder) as (url, disk):
            one = campaign(folder, url, given.seed + place, references, given.quick, disk)
            if engine == "sqlite" and disk is None:
                print("full disk: skipped, for a tmpfs cannot be mounted here")
            until = time.monotonic() + 60 * given.minutes
            total.add(run(one, plan(share, one.random, disk is not None), until=until))
    _print(total)
    faults = sum(total.by_kind.values())
    print(
        json.dumps(
            {
                "benchmark": "faults",
                "faults": faults,
                "sigkills": total.sigkills,
                "by_kind": dict(total.by_kind),
                "by_stage": dict(total.by_stage),
                "comparisons": total.comparisons,
                "check_failures": total.check_failures,
                "export_differences": total.export_differences,
                "other_failures": total.other_failures,
                "engines": engines,
                "seed": given.seed,
                "quick": given.quick,
                "warm": given.warm,
                "seconds": round(time.monotonic() - started, 1),
            }
        )
    )
    if not total.failed:
        with contextlib.suppress(OSError):
            shutil.rmtree(folder)
    return 1 if total.failed else 0


def _print(total: Tally) -> None:
    faults = [(name, str(total.by_kind[name])) for name in KINDS]
    hits = [(stage, str(total.by_stage[stage])) for stages in STAGES.values() for stage in stages]
    for rows in ([("kind", "faults"), *faults], [("hit at", "hits"), *hits]):
        print(f"\n{table(rows, '<>', (28,))}")
    print(
        f"\n{total.sigkills} SIGKILLs; {total.comparisons} comparisons with an unkilled job: "
        f"{total.export_differences} differ; "
        f"{total.check_failures} failed checks, {total.other_failures} other failures"
    )


if __name__ == "__main__":
    sys.exit(main())
