"""What is imported is declared, with one pin each; the distribution holds every file that the program reads."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import db

PROJECT = Path(__file__).parents[2]
VIEWER, JOB, TESTS = "requirements-app.txt", "requirements-precompute.txt", "tests/requirements.txt"
OWN = {"app", "db", "precompute", "tests"}
DECLARED_BY = {"app": (VIEWER,), "db": (VIEWER,), "precompute": (VIEWER, JOB), "tests": (VIEWER, JOB, TESTS)}
OF_EXAMPLES = {"mirror"}
"""Modules that tests write themselves."""


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _pins(*files: str) -> list[str]:
    lines = [line for file in files for line in (PROJECT / file).read_text(encoding="utf-8").splitlines()]
    return [_canonical(re.split(r"[=\[]", line)[0]) for line in lines if line and line[0] not in "#-"]


def _imported(folder: str) -> Iterator[str]:
    """The top-level modules that a package imports anywhere, lazily too, and are not of Python or its own."""
    for file in (PROJECT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            else:
                continue
            yield from {name.partition(".")[0] for name in names} - sys.stdlib_module_names - OWN - OF_EXAMPLES


@pytest.mark.parametrize("package", DECLARED_BY)
def test_every_import_is_declared(package: str) -> None:
    owners = packages_distributions()
    needed = {module: [_canonical(owner) for owner in owners.get(module, [module])] for module in _imported(package)}
    declared = set(_pins(*DECLARED_BY[package]))
    assert needed
    assert {module: names for module, names in needed.items() if not declared & set(names)} == {}


def test_pins_stand_once() -> None:
    names = _pins(VIEWER, JOB, TESTS)
    assert len(names) == len(set(names))


def test_the_requirements_file_and_the_distribution_name_the_same_files() -> None:
    dynamic = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["dynamic"]
    included = re.findall(r"^-r (.+)$", (PROJECT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert dynamic["dependencies"]["file"] == included == [VIEWER, JOB]


def test_the_version_is_newest_in_the_changelog_and_in_the_citation() -> None:
    changelog = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## \[(\d[^]]*)\]", changelog, re.MULTILINE)[0] == db.__version__
    assert f"version: {db.__version__}\n" in (PROJECT / "CITATION.cff").read_text(encoding="utf-8")


def test_a_wheel_holds_every_file_that_the_program_reads(tmp_path: Path) -> None:
    """Templates, recipes, scripts and revisions of the schema, as git knows them."""
    tracked = subprocess.run(
        ["git", "ls-files", "--", "app", "db", "precompute", "assets"],
        cwd=PROJECT,
        check=True,
        capture_output=True,
        text=True,
    )
    clone = tmp_path / "a clone"
    for name in [*tracked.stdout.split(), "pyproject.toml", "README.md", "LICENSE", VIEWER, JOB, TESTS]:
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_bytes((PROJECT / name).read_bytes())
    build = "from setuptools.build_meta import build_wheel; build_wheel('.')"
    subprocess.run([sys.executable, "-c", build], cwd=clone, check=True, capture_output=True)
    with zipfile.ZipFile(next(clone.glob("*.whl"))) as wheel:
        assert set(tracked.stdout.split()) <= set(wheel.namelist())
