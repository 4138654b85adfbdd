"""The figures of a database, as a JSON value and as tables for a person."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, func, select, text

from db import address
from db.plain_table import table
from db.read.reader import Reader
from db.schema.base import Base
from db.schema.tables import Category, Explanation, GlobalGroup, OcrEntry, Sample
from db.session import schema_version

_ALIGN, _WIDTHS = "<>>>", (23, 8, 6, 12)  # models and stages stand in the same columns


def describe(engine: Engine) -> dict[str, Any]:
    """The figures of a database as a JSON value; times are UTC, sizes bytes, accuracies 0..1."""
    reader = Reader(engine)
    with engine.connect() as connection:
        splits = dict(connection.execute(select(Sample.split, func.count()).group_by(Sample.split)).tuples().all())
        counts = {table: _count(connection, table) for table in (Sample, Category, OcrEntry, Explanation, GlobalGroup)}
    return {
        "database": address.shown(engine.url),
        "schema_version": schema_version(engine),
        "size_bytes": size_bytes(engine),
        "samples": counts[Sample],
        "splits": splits,
        "classes": counts[Category],
        "entries": counts[OcrEntry],
        "explanations": counts[Explanation],
        "global_groups": counts[GlobalGroup],
        "models": [
            {
                "name": model.name,
                "kind": model.kind,
                "accuracy": model.accuracy,
                "top3_accuracy": model.top3_accuracy,
                "explained": model.explained,
                "explanations": model.explanations,
            }
            for model in reader.models.all()
        ],
        "runs": [
            {
                "dataset": run.dataset,
                "artifacts": run.artifacts,
                "seed": run.seed,
                "settings_hash": run.settings_hash,
                "shelf_lens": run.versions.get("shelf-lens"),
                "started_at": f"{run.started_at.isoformat(timespec='seconds')}Z",
                "finished_at": run.finished_at and f"{run.finished_at.isoformat(timespec='seconds')}Z",
            }
            for run in reader.runs.all()
        ],
        "stages": [
            {"stage": stage.stage, "done": stage.done, "failed": stage.failed, "seconds": stage.seconds}
            for stage in reader.runs.progress()
        ],
        "failures": [
            {"stage": unit.stage, "key": unit.key, "message": unit.message} for unit in reader.runs.failures()
        ],
        "problems": [
            {"stage": p.stage, "file": p.file, "line": p.line, "sample": p.sample, "message": p.message}
            for p in reader.runs.problems()
        ],
    }


def size_bytes(engine: Engine) -> int:
    """The bytes that a database takes on disk."""
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            return int(connection.scalar(text("SELECT pg_database_size(current_database())")) or 0)
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        return int(pages) * int(connection.exec_driver_sql("PRAGMA page_size").scalar_one())


def summary(figures: dict[str, Any]) -> str:
    """What `describe` found, laid out for a terminal."""
    splits = ", ".join(f"{count} {split}" for split, count in sorted(figures["splits"].items()))
    models = [
        (model["name"], _share(model["accuracy"]), _share(model["top3_accuracy"]), f"{model['explanations']:,}")
        for model in figures["models"]
    ]
    stages = [
        (stage["stage"], f"{stage['done']:,}", f"{stage['failed']:,}", f"{stage['seconds']:,.1f}")
        for stage in figures["stages"]
    ]
    lines = [
        f"{figures['database']}   schema {figures['schema_version']}, {figures['size_bytes'] / 1e6:.1f} MB",
        f"samples       {figures['samples']:>8,}   {splits}",
        f"classes       {figures['classes']:>8,}",
        f"OCR entries   {figures['entries']:>8,}",
        f"explanations  {figures['explanations']:>8,}",
        f"global groups {figures['global_groups']:>8,}",
        "",
        table([("model", "accuracy", "top 3", "explanations"), *models], _ALIGN, _WIDTHS),
        "",
        table([("stage", "done", "failed", "seconds"), *stages], _ALIGN, _WIDTHS),
    ]
    for run in figures["runs"]:
        end = f"finished {run['finished_at']}" if run["finished_at"] else "not finished"
        made_by = f" by shelf-lens {run['shelf_lens']}" if run["shelf_lens"] else ""
        lines += ["", f"run {run['settings_hash']} of {run['dataset']}{made_by}: started {run['started_at']}, {end}"]
    if figures["problems"]:
        lines += ["", f"{len(figures['problems'])} problems"]
    for problem in figures["problems"]:
        where = problem["file"] if problem["line"] is None else f"{problem['file']}:{problem['line']}"
        lines.append(f"  {problem['stage']}: {where}: {problem['message']}")
    return "\n".join(lines)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _count(connection: Connection, table: type[Base]) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0
