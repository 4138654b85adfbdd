"""What must be so: the database is sound, and holds byte for byte what an unkilled job on the same inputs makes."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy import Engine, inspect, select

from db import address
from db.commands.check import faults
from db.commands.export import EXPORTS
from db.commands.formats import write
from db.commands.info import describe
from db.schema.tables import Category, Mask, Model, OcrEntry, Picture, Prediction, Sample
from db.session import open_read_only
from precompute.status import status_text
from tests.benchmarks.faults.ground import Ground
from tests.benchmarks.faults.job import FaultError, Place

Contents = dict[str, list[str]]


def demand_sound(url: str) -> None:
    """As `python -m db check`.

    Raises:
        FaultError: naming what is wrong.
    """
    engine = open_read_only(url)
    try:
        found = list(faults(engine))
    finally:
        engine.dispose()
    if found:
        raise FaultError(f"db check: {len(found)} faults: {'; '.join(found[:5])}")


def in_wal_mode(url: str) -> bool:
    """Whether a SQLite database is in WAL mode: it is being written to, or a writer was killed."""
    path = address.sqlite_path(url)
    if path is None or not path.exists():
        return False
    with path.open("rb") as opened:
        return opened.read(20)[18:20] != b"\x01\x01"


def demand_plain_file(url: str) -> None:
    """What an orderly end leaves of a SQLite database: one file, which is not in WAL mode."""
    path = address.sqlite_path(url)
    if path is None or not path.exists():
        return
    if in_wal_mode(url):
        raise FaultError(f"{path.name}: in WAL mode after an orderly end")
    if left := [one.name for one in path.parent.glob(f"{path.name}-*")]:
        raise FaultError(f"{path.name}: {', '.join(left)} left after an orderly end")


def demand_finished(url: str) -> None:
    """What `python -m precompute status` must say at the end."""
    text = status_text(url)
    if ", 0 left" not in text or "failed" in text or "skipped" in text or ", not finished" in text:
        raise FaultError(f"status: {text}")


def exists(url: str) -> bool:
    """Whether there is a database yet, which there is only with its schema."""
    path = address.sqlite_path(url)
    if path is not None:
        return path.exists()
    engine = address_engine(url)
    try:
        return inspect(engine).has_table("alembic_version")
    finally:
        engine.dispose()


def address_engine(url: str) -> Engine:
    """An engine without demands on the schema."""
    from sqlalchemy import create_engine

    return create_engine(address.parse(url))


def contents(url: str, folder: Path) -> Contents:
    """All five exports, and what they leave out: lines by name."""
    engine = open_read_only(url)
    found = {}
    try:
        for name in EXPORTS:
            write(engine, name, "jsonl", folder / name)
            found[name] = (folder / name).read_text(encoding="utf-8").splitlines()
        info = describe(engine)
        numbers = {name: info[name] for name in ("samples", "splits", "classes", "entries", "models", "problems")}
        found["info"] = [json.dumps({name: value}) for name, value in numbers.items()]
        found |= _more(engine)
    finally:
        engine.dispose()
    return found


def _more(engine: Engine) -> Contents:
    """Predictions, models, samples with their texts, pictures and masks."""
    queries = {
        "predictions": select(Model.name, Sample.path, Category.label, Prediction.probabilities)
        .join(Model, Model.id == Prediction.model_id)
        .join(Sample, Sample.id == Prediction.sample_id)
        .join(Category, Category.id == Prediction.category_id),
        "models": select(Model.name, Model.checkpoint_hash, Model.classes, Model.confusion, Model.accuracy),
        "entries": select(Sample.path, OcrEntry.position, OcrEntry.text).join(Sample),
        "pictures": select(Sample.path, Picture.kind, Picture.digest).join(Sample, Sample.id == Picture.sample_id),
        "sprites": select(Category.label, Picture.split, Picture.digest).join(Category),
        "samples": select(Sample.path, Sample.split, Category.label, Sample.picture_hash, Sample.entries_hash).join(
            Category
        ),
        "masks": select(Sample.path, Mask.content).join(Sample),
    }
    with engine.connect() as connection:
        return {
            name: sorted(" ".join(_plain(value) for value in row) for row in connection.execute(query))
            for name, query in queries.items()
        }


def _plain(value: object) -> str:
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    return repr(value.tolist()) if hasattr(value, "tolist") else repr(value)


@dataclass
class References:
    """Unkilled whole jobs, one for each set of inputs, each in a database and an artifacts folder of its own."""

    folder: Path
    commands: tuple[str, ...]
    known: dict[str, Contents] = field(default_factory=dict)

    def of(self, place: Place, ground: Ground) -> Contents:
        digest = ground.digest()
        if digest not in self.known:
            own = self.folder / digest[:12]
            own.mkdir(parents=True)
            url = f"sqlite:///{own / 'reference.db'}"
            fresh = replace(place, url=url, artifacts=own / "artifacts", logs=own / "logs")
            for name in self.commands:
                running = fresh.start(name)
                running.demand(running.end(), 0)
            self.known[digest] = contents(url, own)
            shutil.rmtree(own)
        return self.known[digest]


def differences(found: Contents, expected: Contents) -> list[str]:
    """In which exports the two differ, and where first."""
    told = []
    for name, lines in expected.items():
        if found[name] != lines:
            only = sorted(set(found[name]) - set(lines)), sorted(set(lines) - set(found[name]))
            shown = " <> ".join(side[0][:300] if side else "nothing" for side in only)
            told.append(
                f"{name}: {len(found[name])} lines, expected {len(lines)}; {len(only[0])} and {len(only[1])} only on "
                f"one side{'' if any(only) else ' (the order alone)'}: {shown}"
            )
    return told
