"""A gallery filter is added as CONTRIBUTING.md shows it: a line of the table, its logic and its control."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import PROJECT, served, watched
from tests.browser.steps import expect_state, open_page, state

pytestmark = pytest.mark.browser

DIFF = re.compile(r"^## How to add a gallery filter\n.*?^```diff\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """The project with the filter of CONTRIBUTING.md."""
    found = DIFF.search((PROJECT / "CONTRIBUTING.md").read_text("utf-8"))
    assert found is not None
    for folder in ("app", "assets"):
        shutil.copytree(PROJECT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "db").symlink_to(PROJECT / "db")
    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=found[1], text=True, check=True)
    return tmp_path


def test_filter_added_in_three_files_is_chosen_shared_and_taken_away(
    browser: Browser, changed: Path, database_file: Path
) -> None:
    with (
        served("--db", f"sqlite:///{database_file}", folder=changed) as address,
        watched(browser, address) as context,
    ):
        page = context.new_page()
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
