"""Every command shows an example and stands in the documentation; what the compose file runs exists."""

import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
import typer
import yaml

import app.__main__
import db.__main__
import precompute.__main__

PROJECT = Path(__file__).parent.parent.parent
APPS = {"precompute": precompute.__main__.app, "db": db.__main__.app, "app": app.__main__.app}
DOCUMENTS = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]


def _leaves(command: click.Command, path: tuple[str, ...]) -> dict[tuple[str, ...], click.Command]:
    children = getattr(command, "commands", {})
    found = {} if children and not getattr(command, "invoke_without_command", False) else {path: command}
    for name, child in children.items():
        found |= _leaves(child, (*path, name))
    return found


COMMANDS = {
    path: leaf for name, group in APPS.items() for path, leaf in _leaves(typer.main.get_command(group), (name,)).items()
}


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_of_every_command_shows_an_example(path: tuple[str, ...]) -> None:
    assert "Example:" in (COMMANDS[path].epilog or "")


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_stands_in_the_documentation(path: tuple[str, ...]) -> None:
    text = "\n".join(document.read_text(encoding="utf-8") for document in DOCUMENTS)
    assert f"python -m {' '.join(path)}" in text


def test_compose_runs_one_precompute_and_three_browsers_on_one_volume() -> None:
    compose = yaml.safe_load((PROJECT / "docker-compose.yml").read_text(encoding="utf-8"))
    services = compose["services"]
    browsers = {name: service for name, service in services.items() if "-m app" in service["command"]}
    assert len(browsers) == 3
    assert len(services) == 4
    models = {_option(service["command"], "--model") for service in browsers.values()}
    assert models == {"feature_concatenation", "score_fusion", "embracenet"}
    ports = [port.split(":")[0] for service in browsers.values() for port in service["ports"]]
    assert len(set(ports)) == 3
    assert all(any("explanations:/data" in volume for volume in s["volumes"]) for s in services.values())
    assert {_option(service["command"], "--db") for service in services.values()} == {"sqlite:////data/explanations.db"}


@pytest.mark.parametrize("code, passed", [(0, 0), (3, 0), (1, 1), (2, 1)])
def test_browsers_start_although_some_of_the_data_was_skipped(code: int, passed: int) -> None:
    compose = yaml.safe_load((PROJECT / "docker-compose.yml").read_text(encoding="utf-8"))
    entry = [word.replace("$$", "$") for word in compose["services"]["precompute"]["entrypoint"]]
    assert subprocess.run([*entry, sys.executable, "-c", f"raise SystemExit({code})"], check=False).returncode == passed


def _option(command: str, name: str) -> str:
    words = shlex.split(command)
    return words[words.index(name) + 1]


def test_commands_of_the_compose_file_take_the_options_that_it_gives() -> None:
    compose = yaml.safe_load((PROJECT / "docker-compose.yml").read_text(encoding="utf-8"))
    for service in compose["services"].values():
        _, _, package, *words = shlex.split(service["command"])
        command = COMMANDS[(package, words.pop(0)) if package == "precompute" else (package,)]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known


def test_continuous_integration_runs_on_every_python_that_is_allowed() -> None:
    workflow = yaml.safe_load((PROJECT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    job = workflow["jobs"]["check"]
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert ".ci/run" in [step.get("run") for step in job["steps"]]


def test_hooks_before_a_commit_run_tools_that_make_installs() -> None:
    hooks = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    tools = {Path(shlex.split(hook["entry"])[0]).name for hook in hooks}
    assert tools == {"ruff", "mypy", "oxlint"}
    pins = (PROJECT / "tests/requirements.txt").read_text(encoding="utf-8")
    assert all(f"{tool}==" in pins for tool in tools)
