"""What a run has done, what failed and what is left, in words."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.address import shown
from db.reader import Reader
from db.session import open_read_only
from db.tables import Model, WorkUnit
from precompute.local_explanations.selection import chosen_samples
from precompute.pipeline import processes
from precompute.stored_run import latest_order

STAGE = "explain-local"
SHOWN = 20


def status_text(url: str) -> str:
    """A few lines: the run, each stage's units, what is left with an estimate, failures and skipped samples."""
    engine = open_read_only(url)
    reader, order = Reader(engine), latest_order(engine, url)
    run = reader.runs()[-1]
    state = f"finished {run.finished_at:%Y-%m-%d %H:%M} UTC" if run.finished_at else "not finished"
    lines = [f"{shown(url)}: run of {run.dataset}, {state}"]
    for stage in reader.progress():
        failed = f", {stage.failed} failed" if stage.failed else ""
        lines.append(f"  {stage.stage}: {stage.done} unit(s) done{failed}, {stage.seconds:.0f} s of work")
    with Session(engine) as session:
        names = session.scalars(select(Model.name).where(Model.explained)).all()
        done = select(WorkUnit.key, WorkUnit.seconds).where(WorkUnit.stage == STAGE, WorkUnit.status == "done")
        seconds = dict(session.execute(done).tuples().all())
    if names:
        wanted = [f"{name}|{sample.path}" for sample in chosen_samples(engine, order) for name in names]
        left = sum(key not in seconds for key in wanted)
        each = sum(seconds.values()) / len(seconds) if seconds else None
        estimate = f", about {left * each / processes(order) / 60:.1f} min" if left and each else ""
        lines.append(f"  {STAGE}: {left} of {len(wanted)} left{estimate}")
    failures = reader.failures()
    lines += [f"failed: {unit.stage} {unit.key}: {' '.join(unit.message.split())}" for unit in failures[:SHOWN]]
    problems = reader.problems()
    for problem in problems[:SHOWN]:
        place = problem.file if problem.line is None else f"{problem.file}, line {problem.line}"
        lines.append(f"skipped: {place}: {problem.message}")
    hidden = len(failures[SHOWN:]) + len(problems[SHOWN:])
    if hidden:
        lines.append(f"and {hidden} more; python -m db info --json --db {shown(url)} has them all")
    return "\n".join(lines)
