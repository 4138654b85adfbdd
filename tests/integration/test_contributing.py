"""What CONTRIBUTING.md shows of the offline job is run as it stands; the rest by tests/browser/test_contributing.py."""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from db import session
from db.commands.export import EXPORTS
from db.write.marks import stage_marks
from precompute.context import RunOptions
from precompute.dataset import scan
from precompute.evaluation import commands
from precompute.evaluation.run import EVALUATIONS
from precompute.pipeline import run
from precompute.recipe import Recipe, read_recipe
from precompute.stored_run import open_stored
from tests.planted_slice import CLASSES, write_planted_slice
from tests.tiny_recipe import RECIPE

GUIDE = (Path(__file__).parent.parent.parent / "CONTRIBUTING.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
STAGE, CALL, EVALUATION, READER = BLOCKS[:4]
UNITS = 3 * CLASSES
"""Of each of the explained models, one a test sample."""


@pytest.mark.parametrize("example", re.findall(r"```\w*\n(.*?)```", GUIDE, re.DOTALL))
def test_examples_are_short(example: str) -> None:
    assert len(example.splitlines()) < 40


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("toy")
    write_planted_slice(folder / "set", train_per_class=1, test_per_class=1)
    (folder / "toy.toml").write_text(RECIPE)
    recipe: Recipe = read_recipe(folder / "toy.toml")
    url = f"sqlite:///{folder}/toy.db"
    run(RunOptions(folder / "set", url, recipe, folder / "artifacts", workers=1), ["ingest", "train"])
    return url


def test_the_toy_evaluation_resumes_fails_per_unit_shows_progress_and_is_exported(
    trained: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mirror.py").write_text(STAGE)
    monkeypatch.syspath_prepend(str(tmp_path))
    mirror = importlib.import_module("mirror")
    whole, broken = mirror.work, []

    def breaks_once(state: object, payload: tuple[str, object]) -> object:
        if not broken:
            broken.append(payload)
            raise ValueError("no mirror here")
        return whole(state, payload)

    monkeypatch.setattr(mirror, "work", breaks_once)
    with open_stored(trained, "train", "evaluate mirror", workers=1) as context:
        assert mirror.evaluate_mirror(context) == 1, "one unit failed, the others are done"
    assert f"evaluate-mirror: {UNITS} to do" in capsys.readouterr().err
    monkeypatch.setattr(mirror, "work", whole)
    with open_stored(trained, "train", "evaluate mirror", workers=1) as context:
        assert mirror.evaluate_mirror(context) == 1, "a failed unit is told, not tried"
        assert len(stage_marks(context.engine, "evaluate-mirror").finished) == UNITS - 1
    assert "to do" not in capsys.readouterr().err
    with open_stored(trained, "train", "evaluate mirror", workers=1, retry_failed=True) as context:
        assert mirror.evaluate_mirror(context) == 0
    assert f"evaluate-mirror: 1 to do, {UNITS - 1} stored" in capsys.readouterr().err
    records = list(EXPORTS["evaluation"].records(session.open_read_only(trained)))
    mirrored = [record for record in records if record["kind"] == "mirror"]
    assert len(mirrored) == UNITS
    assert {type(record["figures"]["same"]) for record in mirrored} == {bool}
    assert json.dumps(mirrored)
    del sys.modules["mirror"]


def test_the_call_of_the_toy_evaluation_runs(trained: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mirror.py").write_text(STAGE)
    monkeypatch.syspath_prepend(str(tmp_path))
    exec(CALL.replace("sqlite:///demo.db", trained), {})
    del sys.modules["mirror"]


def test_the_evaluation_is_a_command_that_prints_its_table(
    trained: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mirror.py").write_text(STAGE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(EVALUATIONS, "mirror", None)
    monkeypatch.setattr(commands.evaluate, "registered_commands", [*commands.evaluate.registered_commands])
    exec(EVALUATION, {})
    answer = CliRunner().invoke(commands.evaluate, ["mirror", "--db", trained, "--workers", "1"])
    assert answer.exit_code == 0, answer.output
    heading, *rows = answer.stdout.strip().splitlines()
    assert heading.split("  ")[0] == "model"
    assert [row.split()[-1] for row in rows] == [str(CLASSES)] * 3
    del sys.modules["mirror"]


def test_the_reader_finds_the_samples_of_its_layout_and_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "LAYOUTS", [*scan.LAYOUTS])
    exec(READER, {})
    folder = tmp_path / "set"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.jpg").touch()
    (folder / "labels.csv").write_text("file,label,split\na.jpg,Milk,train\nb.jpg,Milk,test\nc.jpg,Milk,test\n")
    found = scan.scan_dataset(folder, 0.5, 0)
    assert [(sample.path, sample.label, sample.split) for sample in found.samples] == [
        ("a.jpg", "Milk", "train"),
        ("b.jpg", "Milk", "test"),
    ]
    assert [(fault.file, fault.line) for fault in found.faults] == [("labels.csv", 4)]
