"""What the pipeline says when a stage had nothing to do."""

import pytest

from precompute.engine import Report
from precompute.pipeline import _tell


@pytest.mark.parametrize(
    ("report", "line"),
    [
        (Report(tasks=6, kept=6), "explain-local: all 6 explanations are stored\n"),
        (Report(tasks=6, kept=5, failed=1), "explain-local: 5 of 6 explanations are stored; 1 failed\n"),
        (Report(tasks=6, kept=3, done=2, failed=1), "explain-local: 5 of 6 explanations are stored; 1 failed\n"),
        (Report(tasks=6, kept=3, done=3), ""),
    ],
)
def test_all_are_said_to_be_stored_only_where_none_failed(
    report: Report, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _tell(report, "explain-local", "explanations")
    assert capsys.readouterr().err == line
