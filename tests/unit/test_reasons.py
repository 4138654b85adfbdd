"""An exception as one line: what was raised, and where in a user's own code."""

import importlib
from pathlib import Path

import pytest
import torch

from db.errors import UserError
from precompute.executors import FixedState, InProcess, Job, reason
from precompute.models.metrics import confusion

MINE = """
import torch


class Mine:
    def predict(self, images):
        return self.head(images)

    def head(self, images):
        return torch.nn.Linear(3, 2)(images)
"""


def test_a_reason_names_the_innermost_line_of_a_users_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    monkeypatch.syspath_prepend(str(tmp_path))
    mine = importlib.import_module("mine").Mine()
    for images, kind in ((torch.zeros(1, 4), "RuntimeError"), (None, "TypeError")):
        ((_, outcome),) = InProcess().run(FixedState(mine), type(mine).predict, [Job(("one",), images)])
        assert outcome.error.startswith(f"{kind}: ")
        assert outcome.error.endswith(" (mine.py, line 10, in head)"), "not torch's own frame, nor the caller's"
        assert "\n" not in outcome.error


def test_lines_of_the_program_itself_are_not_named() -> None:
    ((_, outcome),) = InProcess().run(FixedState(["a"]), confusion, [Job(("one",), [])])
    assert outcome.error.startswith("ValueError: zip()")
    assert ".py" not in outcome.error


def test_a_sentence_for_the_user_stays_as_it_is() -> None:
    assert reason(UserError("fix the recipe")) == "fix the recipe"
    assert reason(ValueError("never\n raised")) == "ValueError: never raised"
