"""The figures of a database as a table for a person."""

from __future__ import annotations

from typing import Any


def table(figures: dict[str, Any]) -> str:
    """Lay out what `db.commands.upkeep.describe` found."""
    splits = ", ".join(f"{count} {split}" for split, count in sorted(figures["splits"].items()))
    lines = [
        f"{figures['database']}   schema {figures['schema_version']}, {figures['size_bytes'] / 1e6:.1f} MB",
        f"samples       {figures['samples']:>8,}   {splits}",
        f"classes       {figures['classes']:>8,}",
        f"OCR entries   {figures['entries']:>8,}",
        f"explanations  {figures['explanations']:>8,}",
        f"global groups {figures['global_groups']:>8,}",
        "",
        f"{'model':<24}{'accuracy':>9}{'top 3':>8}{'explanations':>14}",
    ]
    for model in figures["models"]:
        accuracy, top3 = _share(model["accuracy"]), _share(model["top3_accuracy"])
        lines.append(f"{model['name']:<24}{accuracy:>9}{top3:>8}{model['explanations']:>14,}")
    lines += ["", f"{'stage':<24}{'done':>9}{'failed':>8}{'seconds':>14}"]
    lines += [f"{s['stage']:<24}{s['done']:>9,}{s['failed']:>8,}{s['seconds']:>14,.1f}" for s in figures["stages"]]
    for run in figures["runs"]:
        end = f"finished {run['finished_at']}" if run["finished_at"] else "not finished"
        made_by = f" by shelf-lens {run['shelf_lens']}" if run["shelf_lens"] else ""
        lines += ["", f"run {run['settings_hash']} of {run['dataset']}{made_by}: started {run['started_at']}, {end}"]
    if figures["problems"]:
        lines += ["", f"{len(figures['problems'])} problems"]
    for problem in figures["problems"]:
        place = problem["file"] if problem["line"] is None else f"{problem['file']}:{problem['line']}"
        lines.append(f"  {problem['stage']}: {place}: {problem['message']}")
    return "\n".join(lines)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
