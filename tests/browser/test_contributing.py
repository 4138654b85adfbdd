"""A tab and a gallery filter are added as CONTRIBUTING.md shows it, and tried out together on one server."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PROJECT, served
from tests.browser.steps import expect_state, open_page, state

pytestmark = pytest.mark.browser

GUIDE = (PROJECT / "CONTRIBUTING.md").read_text("utf-8")
FILES = re.findall(r"`(app/tabs/mistakes/[\w.]+)`.*?\n\n```\w+\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
DIFFS = re.findall(r"^```diff\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with the tab and the filter of CONTRIBUTING.md."""
    clone = tmp_path_factory.mktemp("changed")
    for folder in ("app", "assets"):
        shutil.copytree(PROJECT / folder, clone / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (clone / "db").symlink_to(PROJECT / "db")
    for name, content in FILES:
        (clone / name).parent.mkdir(exist_ok=True)
        (clone / name).write_text(content, encoding="utf-8")
    for file, hunks in re.findall(r"^\+\+\+ b/(\S+)\n(.*?)(?=^--- a/|\Z)", "".join(DIFFS), re.DOTALL | re.MULTILINE):
        for hunk in re.split(r"^@@.*\n", hunks, flags=re.MULTILINE)[1:]:
            _apply(clone / file, hunk.splitlines(keepends=True))
    return clone


def _apply(file: Path, hunk: list[str]) -> None:
    """By content: lines that were added near by do not matter."""
    before, after = ("".join(line[1:] for line in hunk if line[0] in kinds) for kinds in (" -", " +"))
    text = file.read_text("utf-8")
    assert text.count(before) == 1, f"{file.name} does not have once: {before}"
    file.write_text(text.replace(before, after), encoding="utf-8")


@pytest.fixture(scope="module")
def address(changed: Path, database_file: Path) -> Iterator[str]:
    with served("--db", f"sqlite:///{database_file}", folder=changed) as address:
        yield address


def test_the_guide_shows_a_tab_with_its_templates_and_two_changes() -> None:
    assert [Path(name).name for name, _ in FILES] == ["tab.py", "mistakes.html", "shell_mistakes.html"]
    assert len(DIFFS) == 2


def test_tab_opens_and_leads_to_samples(page: Page, address: str) -> None:
    open_page(page, address, "?tab=overview&class=Zeta-Juice")
    page.get_by_role("tab", name="Mistakes").click()
    rows = page.locator("[data-slot=mistakes] tr")
    expect(rows.first).to_be_visible()
    expect_state(page, tab="mistakes")
    rows.locator("a").first.click()
    expect_state(page, tab="sample", sample="test/Zeta-Juice/x_001.jpg")


def test_filter_added_in_three_files_is_chosen_shared_and_taken_away(page: Page, address: str) -> None:
    open_page(page, address, "?tab=gallery&class=Zeta-Juice&split=all")
    tiles = page.locator("[data-slot=gallery] .tile")
    expect(tiles).to_have_count(8)
    page.locator("input[name=explained][value=no]").check(force=True)
    expect(tiles).to_have_count(2)
    expect(tiles.first).to_contain_text("not explained")
    expect_state(page, explained="no")
    page.reload()
    expect(tiles).to_have_count(2)
    expect(page.locator("input[name=explained][value=no]")).to_be_checked()
    page.locator("input[name=explained][value=any]").check(force=True)
    expect(tiles).to_have_count(8)
    assert "explained" not in state(page)
    open_page(page, address, "?tab=overview&explained=yes")
    page.locator("[data-slot=overview] a[href*='tab=gallery']").first.click()
    expect(tiles.first).to_be_visible()
    assert "explained" not in state(page), "a link to the gallery sets all its filters"
