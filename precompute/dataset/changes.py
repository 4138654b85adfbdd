"""Which results a changed data set makes stale, reported before anything is removed."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path

from db.read.reader import Reader
from db.session import Engine
from precompute.dataset.found import Scan
from precompute.progress import say


def report_changes(engine: Engine, dataset: Path, scan: Scan, stale: Collection[str]) -> None:
    """Say how many pictures are new, gone and changed, and which results were made from them.

    Args:
        stale: `<split>/<label>` of the folders whose files are not as they were.
    """
    stored = {sample.path: sample for sample in Reader(engine).samples.versions()}
    found = {sample.path: sample for sample in scan.samples}
    added = [path for path in found if path not in stored]
    removed = [path for path in stored if path not in found]
    changed = [
        path
        for path, sample in found.items()
        if path in stored
        and f"{sample.split}/{sample.label}" in stale
        and (file_digest(dataset / path) != stored[path].picture_hash or sample.split != stored[path].split)
    ]
    if not (added or removed or changed):
        return
    numbers = f"{len(added)} pictures new, {len(removed)} gone, {len(changed)} changed"
    train = [p for p in removed + changed if stored[p].split == "train"] + [
        p for p in added if found[p].split == "train"
    ]
    say(f"ingest: {numbers} since they were read{_consequences(engine, removed + changed, bool(train))}")


def _consequences(engine: Engine, paths: Collection[str], train: bool) -> str:
    reader = Reader(engine)
    models = [model.name for model in reader.models.stored() if model.checkpoint is not None] if train else []
    if models:
        theirs = reader.explanations.count(models)
        number = len(models)
        return f"; {number} models were trained on others: they are trained anew, and their {theirs} explanations go"
    counts = reader.explanations.count_by_sample()
    own = sum(counts.get(path, 0) for path in paths)
    return f"; {own} explanations of these go" if own else ""


def file_digest(path: Path) -> str | None:
    """SHA-256 of a file's bytes, None where it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None
