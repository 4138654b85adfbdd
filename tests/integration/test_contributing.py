"""What CONTRIBUTING.md shows is run as it stands there."""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path

import pytest

from db import session
from db.commands.export import EXPORTS
from db.write.marks import stage_marks
from precompute.context import RunOptions
from precompute.dataset.planted_set.writer import write_planted_set
from precompute.pipeline import run
from precompute.recipe import Recipe, read_recipe
from precompute.stored_run import open_stored
from tests.tiny_recipe import RECIPE

BLOCKS = re.findall(
    r"```python\n(.*?)```", (Path(__file__).parent.parent.parent / "CONTRIBUTING.md").read_text("utf-8"), re.DOTALL
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("toy")
    write_planted_set(folder / "set", seed=0, train_per_class=1, test_per_class=1)
    (folder / "toy.toml").write_text(RECIPE)
    recipe: Recipe = read_recipe(folder / "toy.toml")
    url = f"sqlite:///{folder}/toy.db"
    run(RunOptions(folder / "set", url, recipe, folder / "artifacts", workers=1), ["ingest", "train"])
    return url


def test_the_toy_evaluation_resumes_fails_per_unit_shows_progress_and_is_exported(
    trained: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(BLOCKS[0].strip().splitlines()) < 40
    (tmp_path / "mirror.py").write_text(BLOCKS[0])
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
    assert "evaluate-mirror: 48 to do" in capsys.readouterr().err
    monkeypatch.setattr(mirror, "work", whole)
    with open_stored(trained, "train", "evaluate mirror", workers=1) as context:
        assert mirror.evaluate_mirror(context) == 1, "a failed unit is told, not tried"
        assert len(stage_marks(context.engine, "evaluate-mirror").finished) == 47
    assert "to do" not in capsys.readouterr().err
    with open_stored(trained, "train", "evaluate mirror", workers=1, retry_failed=True) as context:
        assert mirror.evaluate_mirror(context) == 0
    assert "evaluate-mirror: 1 to do, 47 stored" in capsys.readouterr().err
    records = list(EXPORTS["evaluation"].records(session.open_read_only(trained)))
    mirrored = [record for record in records if record["kind"] == "mirror"]
    assert len(mirrored) == 48
    assert {type(record["figures"]["same"]) for record in mirrored} == {bool}
    assert json.dumps(mirrored)
    del sys.modules["mirror"]


def test_the_call_of_the_toy_evaluation_runs(trained: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mirror.py").write_text(BLOCKS[0])
    monkeypatch.syspath_prepend(str(tmp_path))
    exec(BLOCKS[1].replace("sqlite:///demo.db", trained), {})
    del sys.modules["mirror"]
