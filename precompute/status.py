"""What a run has done, what failed and what is left, in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from db.address import shown
from db.read.reader import Reader
from db.records.runs import FailedUnit
from db.session import SCHEMA_VERSION, Engine, open_read_only
from db.write.marks import stage_marks
from precompute.context import RunOptions, worker_count
from precompute.local_explanations.selection import chosen_samples
from precompute.pipeline import PARTS
from precompute.stored_run import latest_options

SHOWN = 20
_EVALUATIONS = {"evaluate-deletion-summary": "deletion", "evaluate-superpixels": "localisation"}
"""Stages of evaluations that are a part of another evaluation's command."""


def status_text(url: str) -> str:
    """A few lines: the run, each stage's units, what is left with an estimate, failures and skipped samples."""
    engine = open_read_only(url, oldest=SCHEMA_VERSION)
    reader, options = Reader(engine), latest_options(engine, url)
    run = reader.runs.all()[-1]
    state = f"finished {run.finished_at:%Y-%m-%d %H:%M} UTC" if run.finished_at else "not finished"
    lines = [f"{shown(url)}: run of {run.dataset}, {state}"]
    for stage in reader.runs.progress():
        failed = f", {stage.failed} failed" if stage.failed else ""
        lines.append(f"  {stage.stage}: {stage.done} unit(s) done{failed}, {stage.seconds:.0f} s of work")
    for name, wanted in _wanted(engine, options).items():
        lines.append(f"  {name}: {_left(engine, options, name, wanted)}")
    failed_units = reader.runs.failures()
    failures = [*_grouped(failed_units)]
    lines += failures[:SHOWN]
    for command in dict.fromkeys(_command(unit.stage, options.dataset) for unit in failed_units):
        lines.append(f"to try failed units again: {command} --retry-failed --db {shown(url)}")
    problems = reader.runs.problems()
    for problem in problems[:SHOWN]:
        location = problem.file if problem.line is None else f"{problem.file}, line {problem.line}"
        lines.append(f"skipped: {location}: {problem.message}")
    hidden = len(failures[SHOWN:]) + len(problems[SHOWN:])
    if hidden:
        lines.append(f"and {hidden} more; python -m db info --json --db {shown(url)} has them all")
    return "\n".join(lines)


def _wanted(engine: Engine, options: RunOptions) -> dict[str, list[str]]:
    """The keys of the units that there should be, of the stages in which they are known beforehand."""
    reader = Reader(engine)
    models, folders = reader.models.stored(), reader.classes.folders()
    explained = [model.name for model in models if model.explained]
    wanted = {"predict": [f"{model.name}|{split}/{label}" for split, label in folders for model in models]}
    if explained:
        samples = chosen_samples(engine, options)
        wanted["explain-local"] = [f"{name}|{sample.path}" for sample in samples for name in explained]
    return {stage: keys for stage, keys in wanted.items() if keys}


def _left(engine: Engine, options: RunOptions, stage: str, wanted: Sequence[str]) -> str:
    """How many units are done, failed and left, and about how long the last take."""
    marks = stage_marks(engine, stage)
    left = [key for key in wanted if key not in marks.finished and key not in marks.failed]
    seconds = [unit.seconds for unit in Reader(engine).units.done(stage)]
    minutes = len(left) * sum(seconds) / max(len(seconds), 1) / worker_count(options) / 60
    estimate = f", about {minutes:.1f} min" if left and seconds else ""
    done = sum(key in marks.finished for key in wanted)
    failed = len(wanted) - done - len(left)
    return f"{done} done, {f'{failed} failed, ' if failed else ''}{len(left)} left{estimate}"


def _command(stage: str, dataset: Path) -> str:
    """The command that does a stage, which may be a part of another one."""
    if stage.startswith("evaluate-"):
        return f"python -m precompute evaluate {_EVALUATIONS.get(stage, stage.removeprefix('evaluate-'))}"
    whole = next((name for name, parts in PARTS.items() if stage in parts), stage)
    return f"python -m precompute {whole} --dataset {dataset} (--recipe as before)"


def _grouped(failures: Sequence[FailedUnit]) -> Iterator[str]:
    """One line a stage and reason."""
    by_reason: Mapping[tuple[str, str], list[str]] = defaultdict(list)
    for unit in failures:
        by_reason[unit.stage, " ".join(unit.message.split())].append(unit.key)
    for (stage, message), keys in by_reason.items():
        count = f"{len(keys)} units, e.g. " if len(keys) > 1 else ""
        yield f"failed: {stage}: {count}{keys[0]}: {message}"
