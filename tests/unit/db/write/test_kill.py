"""A process killed while it writes leaves whole units only."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db import session
from db.commands.check import faults
from db.schema.tables import Evaluation, WorkUnit
from db.write.marks import stage_marks
from tests.conftest import PROJECT

pytestmark = pytest.mark.slow

ROWS = 500
WRITE_FOR_EVER = f"""
import itertools, sys
from db import session
from db.records.written import EvaluationRecord, FinishedUnit
from db.write.writer import Writer
writer = Writer(session.create(sys.argv[1]))
writer.start_run(settings={{}}, settings_hash="h", seed=0, versions={{}}, dataset="", artifacts="")
for number in itertools.count():
    records = [EvaluationRecord("x", {{"row": i, "padding": "p" * 200}}) for i in range({ROWS})]
    writer.store([FinishedUnit("s", "h", str(number), records)])
    print(number, flush=True)
"""


@pytest.mark.parametrize("delay", [0.0, 0.02])
def test_a_killed_writer_leaves_no_half_unit(engine_url: str, delay: float) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITE_FOR_EVER, engine_url], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for _ in range(3):
        process.stdout.readline()
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    reported = 2 + len(process.stdout.readlines())
    process.wait()
    engine = session.create(engine_url)
    with Session(engine) as reading:
        units = reading.scalar(select(func.count()).select_from(WorkUnit))
        rows = dict(reading.execute(select(Evaluation.unit_id, func.count()).group_by(Evaluation.unit_id)).all())
    assert units in (reported + 1, reported + 2)  # the last one may be stored but not yet reported
    assert list(rows.values()) == [ROWS] * units
    assert list(faults(engine)) == []
    assert len(stage_marks(engine, "s").finished) == units
