"""Any sequence of commands on one database: finished explanations of unchanged inputs go with --replace alone."""

from __future__ import annotations

import dataclasses
import itertools
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from PIL import Image

from db import session
from db.commands.check import faults
from db.commands.export import EXPORTS
from db.errors import UserError
from precompute.context import RunOptions
from precompute.pipeline import run
from precompute.recipe import Recipe

CLASSES = ("a", "b", "c")
BASE: dict[str, Any] = {
    "stages": ["ingest", "train", "explain-local", "explain-global"],
    "towers": {"image_size": 32},
    "explain": {"segments": 6, "evaluations": 16},
    "models": [
        {"name": "first", "kind": "own", "entry_point": "tests.small_models:SmallDualModel"},
        {"name": "second", "kind": "own", "entry_point": "tests.small_models:SmallOpaqueModel"},
    ],
}
FIRST, SECOND = BASE["models"]
RECIPES: Mapping[str, dict[str, Any]] = {
    "base": BASE,
    "one model more": {**BASE, "models": [{**SECOND, "name": "third"}, FIRST, SECOND]},
    "one model fewer": {**BASE, "models": [FIRST]},
    "renamed": {**BASE, "models": [FIRST, {**SECOND, "name": "zweite"}]},
    "changed model": {**BASE, "models": [FIRST, {**SECOND, "options": {"seed": 1}}]},
    "coarser": {**BASE, "explain": {"segments": 4, "evaluations": 16}},
    "other groups": {**BASE, "global": {"split": "test"}},
    "all samples": {**BASE, "explain": {**BASE["explain"], "split": "all"}},
}
ADDING = {"base", "one model more", "all samples"}


def draw(root: Path, seed: int) -> Path:
    random = np.random.default_rng(seed)
    for split, label, number in itertools.product(("train", "test"), CLASSES, range(2)):
        path = root / split / label / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 255, (24, 24, 3), dtype=np.uint8)).save(path)
    for split in ("train", "test"):
        lines = [f'{{"file_name": "{label}/{n}.png", "ocr": []}}\n' for label in CLASSES for n in range(2)]
        (root / split / "metadata.jsonl").write_text("".join(lines))
    return root


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("folders")
    return {"set": draw(root / "set", 0), "other": draw(root / "other", 1)}


@dataclasses.dataclass(frozen=True)
class Command:
    folder: str = "set"
    recipe: str = "base"
    stage: str | None = None
    samples_per_class: int | None = None
    replace: bool = False

    def run(self, folders: Mapping[str, Path], database: Path) -> str | None:
        """The refusal, None where it ran."""
        options = RunOptions(
            folders[self.folder],
            f"sqlite:///{database}",
            Recipe.model_validate(RECIPES[self.recipe]),
            database.with_suffix(".artifacts"),
            samples_per_class=self.samples_per_class,
            workers=1,
            replace=self.replace,
        )
        try:
            run(options, None if self.stage is None else (self.stage,))  # type: ignore[arg-type]
        except UserError as error:
            return str(error)
        return None


def exported(database: Path, kind: str) -> list[str]:
    engine = session.open_read_only(f"sqlite:///{database}")
    records = [repr({**record, "id": None, "sample_id": None}) for record in EXPORTS[kind].records(engine)]
    engine.dispose()
    return records


def explanations(database: Path) -> set[str]:
    return set(exported(database, "explanations")) if database.exists() else set()


@pytest.fixture(scope="module")
def finished(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    database = tmp_path_factory.mktemp("finished") / "finished.db"
    assert Command().run(folders, database) is None
    return database


@pytest.mark.parametrize("folder", ["set", "other"])
@pytest.mark.parametrize("recipe", sorted(RECIPES))
@pytest.mark.parametrize("samples_per_class", [None, 1])
def test_a_second_run_adds_or_is_refused_and_loses_nothing(
    folders: dict[str, Path], finished: Path, tmp_path: Path, folder: str, recipe: str, samples_per_class: int | None
) -> None:
    database = tmp_path / "groceries.db"
    shutil.copy(finished, database)
    before = explanations(database)
    answer = Command(folder, recipe, samples_per_class=samples_per_class).run(folders, database)
    assert before <= explanations(database)
    if folder == "set" and recipe in ADDING:
        assert answer is None
    else:
        assert answer is not None
        assert "--replace" in answer
        assert "groceries-2.db" in answer or "other.db" in answer, "a new file is named"
        assert str(len(before)) in answer or any(word in answer for word in ("models", "results of"))
        assert explanations(database) == before, "a refused command changes nothing"
    again = Command().run(folders, database)
    assert again is None or recipe == "one model more", "the first recipe still goes on"


def test_another_draw_of_train_and_test_is_refused_and_a_grown_data_set_is_not(tmp_path: Path) -> None:
    flat = tmp_path / "flat"
    shutil.copytree(draw(tmp_path / "drawn", 0) / "train", flat)
    (flat / "metadata.jsonl").unlink()
    database, recipe = tmp_path / "flat.db", {**BASE, "dataset": {"test_share": 0.5}}
    url, artifacts = f"sqlite:///{database}", tmp_path / "artifacts"

    def ingest(share: float, *stages: Any, **options: Any) -> None:
        settings = Recipe.model_validate({**recipe, "dataset": {"test_share": share}})
        run(RunOptions(flat, url, settings, artifacts, workers=1, **options), stages or ("ingest",))

    ingest(0.5, "ingest", "train", "explain-local")
    before = explanations(database)
    with pytest.raises(UserError, match=r"samples would change between train and test .*flat-2\.db.*--replace"):
        ingest(0.0)
    assert explanations(database) == before
    for label in CLASSES:
        shutil.copy(flat / label / "0.png", flat / label / "2.png")
    ingest(0.5)
    ingest(0.0, replace=True)


COMMANDS = st.builds(
    Command,
    folder=st.sampled_from(["set", "set", "set", "other"]),
    recipe=st.sampled_from(sorted(RECIPES)),
    stage=st.sampled_from([None, None, None, "ingest", "train", "explain-local", "explain-global"]),
    samples_per_class=st.sampled_from([None, None, 1]),
    replace=st.sampled_from([False, False, True]),
)


@hypothesis.settings(
    max_examples=8,
    deadline=None,
    phases=(hypothesis.Phase.generate, hypothesis.Phase.explicit),
    suppress_health_check=list(hypothesis.HealthCheck),
)
@hypothesis.given(commands=st.lists(COMMANDS, min_size=2, max_size=5))
def test_no_sequence_of_commands_loses_or_falsifies(
    folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory, commands: list[Command]
) -> None:
    root = tmp_path_factory.mktemp("sequence")
    database = root / "one.db"
    for command in commands:
        before = explanations(database)
        answer = command.run(folders, database)
        assert answer is None or "Traceback" not in answer
        if not command.replace:
            assert before <= explanations(database), command
    last = Command(replace=True)
    assert last.run(folders, database) is None
    fresh = root / "fresh.db"
    assert Command().run(folders, fresh) is None
    wanted = {row for row in explanations(database) if "'split': 'test'" in row}
    assert wanted == explanations(fresh), commands
    engine = session.open_read_only(f"sqlite:///{database}")
    assert list(faults(engine)) == []
    engine.dispose()
