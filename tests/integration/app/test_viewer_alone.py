"""The browser and the upkeep commands run where nothing is installed but requirements-app.txt.

A virtual environment with that file alone takes minutes to make; here every package outside of the file's dependencies
is hidden from a process, which cannot tell the difference.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import httpx
import pytest
from packaging.requirements import Requirement

from tests.browser.conftest import PROJECT, served
from tests.example_database import build

HIDE = """
import importlib.abc, json, os, sys

class Hidden(importlib.abc.MetaPathFinder):
    names = set(json.loads(os.environ["HIDDEN_MODULES"]))

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hidden())
"""


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _needed(requirements: Path) -> set[str]:
    """The distributions of a requirements file and all that they depend on."""
    lines = requirements.read_text(encoding="utf-8").splitlines()
    waiting = [Requirement(line) for line in lines if line and not line.startswith("#")]
    needed: set[tuple[str, str]] = set()
    while waiting:
        wanted = waiting.pop()
        for extra in ("", *wanted.extras):
            key = (_canonical(wanted.name), extra)
            if key in needed:
                continue
            needed.add(key)
            for line in distribution(wanted.name).requires or ():
                further = Requirement(line)
                if further.marker is None or further.marker.evaluate({"extra": extra}):
                    waiting.append(further)
    return {name for name, _ in needed}


@pytest.fixture(scope="module")
def hidden() -> list[str]:
    """The modules that only the offline job and the tests have."""
    needed = _needed(PROJECT / "requirements-app.txt") | {"shelf-lens"}
    return [
        module
        for module, owners in packages_distributions().items()
        if not any(_canonical(owner) in needed for owner in owners)
    ]


@pytest.fixture
def alone(hidden: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes started from here on see the packages of requirements-app.txt alone."""
    (tmp_path / "sitecustomize.py").write_text(HIDE, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{PROJECT}")
    monkeypatch.setenv("HIDDEN_MODULES", json.dumps(hidden))


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('alone') / 'example.db'}"
    build(url)
    return url


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], cwd=PROJECT, capture_output=True, text=True, check=False)


def test_the_offline_job_s_packages_are_hidden(alone: None, hidden: list[str]) -> None:
    assert {"torch", "transformers", "sklearn", "skimage", "lime", "hdbscan", "pytest"} <= set(hidden)
    answer = _run("-c", "import torch")
    assert "No module named 'torch'" in answer.stderr


def test_the_page_is_served(alone: None, url: str) -> None:
    with served("--db", url, "--mcp") as address:
        for path in ("/", "/view/sample", "/view/gallery", "/view/global", "/view/overview", "/view/search?q=mjolk"):
            assert httpx.get(address + path, timeout=60).status_code == 200, path
        heat = re.findall(r'data-heat="([^"]+)"', httpx.get(f"{address}/view/sample").json()["html"])
        assert heat
        for one in heat:
            assert httpx.get(f"{address}/{one.replace('&amp;', '&')}").status_code == 200


@pytest.mark.parametrize(
    "command",
    [
        "app report --class Zeta-Juice --out {folder}/report.png",
        "db info --json",
        "db check",
        "db search mjolk",
        "db export explanations --format parquet --out {folder}/explanations.parquet",
        "db copy --to sqlite:///{folder}/copy.db",
        "db compact",
    ],
)
def test_commands_run(alone: None, url: str, tmp_path: Path, command: str) -> None:
    package, name, *words = command.format(folder=tmp_path).split()
    answer = _run("-m", package, name, "--db", url, *words)
    assert answer.returncode == 0, answer.stderr
