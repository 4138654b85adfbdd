"""The whole offline job on a slice of the built-in sample set, done once and copied by those who change it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from tests.command_line import command
from tests.integration.job.contents import Explanations, explanations
from tests.planted_slice import write_planted_slice
from tests.session_folder import session_folder
from tests.tiny_recipe import RECIPE


@dataclass(frozen=True)
class Finished:
    """A finished job; nobody changes its folder."""

    folder: Path

    @property
    def dataset(self) -> Path:
        return self.folder / "a set with spaces"

    @property
    def recipe(self) -> Path:
        return self.folder / "small.toml"

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder}/finished.db"

    @cached_property
    def explanations(self) -> Explanations:
        return explanations(self.url)

    def copy(self, to: Path, artifacts: bool = True) -> str:
        """The URL of a copy of the database, with or without its checkpoints."""
        shutil.copy(self.folder / "finished.db", to / "copy.db")
        if artifacts:
            shutil.copytree(self.folder / "finished.artifacts", to / "copy.artifacts")
        return f"sqlite:///{to}/copy.db"

    def options(self, url: str, recipe: Path | None = None) -> list[object]:
        """Of a command on the same data set, in one process."""
        return ["--dataset", self.dataset, "--recipe", recipe or self.recipe, "--db", url, "--workers", 1]


def _make(folder: Path) -> None:
    finished = Finished(folder)
    write_planted_slice(finished.dataset)
    finished.recipe.write_text(RECIPE)
    command("precompute", "run", *finished.options(finished.url))


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The job that the tests of this folder share."""
    return Finished(session_folder(tmp_path_factory, "finished job", _make))
