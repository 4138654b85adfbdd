"""Checkpoints that are missing or damaged, and models of one's own that are edited."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import pytest

from tests.command_line import command
from tests.integration.job.conftest import Finished
from tests.integration.job.contents import explanations, info


def test_a_missing_checkpoint_is_told_in_one_line(tmp_path: Path, finished: Finished) -> None:
    url = finished.copy(tmp_path, artifacts=False)
    (tmp_path / "copy.artifacts").mkdir()
    arguments = ["explain-local", *finished.options(url), "--evaluations", 32, "--replace"]
    answer = command("precompute", *arguments, check=False)
    assert answer.returncode == 2
    assert "checkpoint" in answer.stderr.splitlines()[-1]


def test_a_missing_or_damaged_checkpoint_is_trained_again_and_nothing_is_lost(
    tmp_path: Path, finished: Finished
) -> None:
    url = finished.copy(tmp_path)
    checkpoint = next((tmp_path / "copy.artifacts/models").glob("feature_concatenation-*.safetensors"))
    content = checkpoint.read_bytes()
    for damaged in (None, content[:100], content[:-1] + bytes([content[-1] ^ 1])):
        checkpoint.unlink()
        if damaged is not None:
            checkpoint.write_bytes(damaged)
        command("precompute", "train", *finished.options(url))
        assert checkpoint.read_bytes() == content
    assert explanations(url) == finished.explanations
    (run,) = info(url)["runs"]
    assert run["finished_at"], "a stage that ran again leaves a finished run finished"


def test_an_own_model_that_is_edited_predicts_anew(
    tmp_path: Path, finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # two versions of one second and size share their bytecode
    recipe = tmp_path / "own.toml"
    recipe.write_text("[[models]]\nname = 'mine'\nkind = 'own'\nentry_point = 'own_model_edited:Mine'\n")
    classes = sorted(path.name for path in (finished.dataset / "train").iterdir() if path.is_dir())
    said = []
    for answer in (0, 1):
        monkeypatch.delitem(sys.modules, "own_model_edited", raising=False)
        (tmp_path / "own_model_edited.py").write_text(
            f"import torch\n\nclass Mine:\n    classes = {classes}\n    def predict(self, images, entries):\n"
            f"        return torch.eye({len(classes)})[[{answer}] * len(images)]\n"
        )
        for stage in ("ingest", "train"):
            command("precompute", stage, *finished.options(f"sqlite:///{tmp_path}/own.db", recipe))
        with sqlite3.connect(tmp_path / "own.db") as connection:
            said.append(connection.execute("SELECT DISTINCT category_id FROM prediction").fetchall())
    assert [len(found) for found in said] == [1, 1]
    assert said[0] != said[1]
