"""Tables of faithfulness from stored figures."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, select

from db.errors import UserError
from db.records.written import EvaluationRecord, FinishedUnit
from db.schema.tables import Evaluation, Sample
from db.session import create
from db.write.writer import Writer
from precompute.evaluation.faithfulness_report import comparison_table, faithfulness_table
from tests.example_database import build


def _measured(path: Path, samples: int, deletion: float, insertion: float) -> Engine:
    """An example database with nothing but the same figures for the first so many samples."""
    url = f"sqlite:///{path}"
    build(url)
    engine = create(url)
    writer = Writer(engine)
    writer.continue_run(1)
    with engine.begin() as connection:
        connection.execute(delete(Evaluation).where(Evaluation.kind == "faithfulness"))
        paths = connection.scalars(select(Sample.path).order_by(Sample.path).limit(samples)).all()
    figures = {"deletion_auc": deletion, "insertion_auc": insertion, "r2": 0.5, "stability": None}
    figures |= {"random_deletion_auc": 0.5, "random_insertion_auc": 0.5}
    records = [EvaluationRecord("faithfulness", figures, "embracenet", path) for path in paths]
    writer.store([FinishedUnit("evaluate-faithfulness", "h", "all", records)])
    return engine


def test_a_row_holds_means_and_differences_from_random(tmp_path: Path) -> None:
    text = faithfulness_table(_measured(tmp_path / "one.db", 4, 0.2, 0.9))
    numbers = "0.200 0.500 0.300 [0.300, 0.300] 0.900 0.500 0.400 [0.400, 0.400] 0.500"
    assert " ".join(text.splitlines()[-1].split()) == f"embracenet 4 {numbers} -"


def test_databases_are_compared_on_the_samples_of_both(tmp_path: Path) -> None:
    mine, theirs = _measured(tmp_path / "one.db", 4, 0.2, 0.9), _measured(tmp_path / "two.db", 3, 0.3, 0.95)
    row = comparison_table(mine, theirs).splitlines()[-1]
    assert " ".join(row.split()) == "embracenet 3 0.100 [0.100, 0.100] -0.050 [-0.050, -0.050]"


def test_databases_without_a_common_sample_are_refused(tmp_path: Path) -> None:
    mine, theirs = _measured(tmp_path / "one.db", 4, 0.2, 0.9), _measured(tmp_path / "two.db", 0, 0, 0)
    with pytest.raises(UserError, match="no model and sample is measured in both"):
        comparison_table(mine, theirs)
