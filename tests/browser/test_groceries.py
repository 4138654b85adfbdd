"""The browser on real cartons with real OCR, explained by small models that often err."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import served
from tests.browser.steps import SLOTS, eventually, expect_state, open_page, open_tab, pictures_are_painted, state
from tests.browser.test_accessibility import SERIOUS
from tests.command_line import command
from tests.tiny_recipe import RECIPE

pytestmark = pytest.mark.browser

CLASSES = ("Arla-Medium-Fat-Milk", "Arla-Standard-Milk", "Bravo-Apple-Juice", "Bravo-Orange-Juice")
TRAIN, TEST = 12, 6


@pytest.fixture(scope="module")
def address(groceries: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on a slice of the groceries: four classes, two pairs of near-twins."""
    folder = tmp_path_factory.mktemp("groceries")
    _slice(groceries, folder / "cartons")
    (folder / "recipe.toml").write_text(RECIPE)
    url = f"sqlite:///{folder / 'cartons.db'}"
    options = ["--dataset", folder / "cartons", "--recipe", folder / "recipe.toml", "--db", url, "--workers", 1]
    command("precompute", "run", *options)
    with served("--db", url) as address:
        yield address


def _slice(groceries: Path, to: Path) -> None:
    for split, most in (("train", TRAIN), ("test", TEST)):
        taken = dict.fromkeys(CLASSES, 0)
        lines = []
        for line in (groceries / split / "metadata.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if taken.get(row["label"], most) < most:
                taken[row["label"]] += 1
                picture = to / split / row["file_name"]
                picture.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(groceries / split / row["file_name"], picture)
                lines.append(line)
        assert set(taken.values()) == {most}
        (to / split / "metadata.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize("tab", SLOTS)
def test_every_tab_is_whole_and_accessible(page: Page, address: str, tab: str) -> None:
    page.emulate_media(reduced_motion="reduce")
    open_page(page, address, "?class=Bravo-Apple-Juice")
    open_tab(page, tab)
    page.wait_for_load_state("networkidle")
    content = page.locator(f"[data-slot={SLOTS[tab]}]")
    expect(content.locator("[role=alert]")).to_have_count(0)
    # Nothing is wider than the page; tables scroll inside themselves.
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = Axe().run(page).response["violations"]
    assert [violation["id"] for violation in found if violation["impact"] in SERIOUS] == []


def test_samples_are_stepped_through_with_all_views_painted(page: Page, address: str) -> None:
    open_page(page, address, "?class=Bravo-Apple-Juice")
    seen: list[str] = []
    while len(seen) < TEST:
        pictures_are_painted(page, ".explanation.predicted img")
        expect(page.locator(".sentence")).not_to_be_empty()
        seen.append(state(page)["sample"])
        page.keyboard.press("ArrowRight")
        if len(seen) < TEST:
            eventually(page, lambda: state(page)["sample"] != seen[-1])
    assert len(set(seen)) == TEST


def test_a_mistake_leads_from_the_gallery_to_why_it_was_made(page: Page, address: str) -> None:
    open_page(page, address, "?tab=gallery&within=all&shown=wrong")
    wrong = page.locator("[data-slot=gallery] .tile.wrong a")
    expect(wrong.first).to_be_visible()
    wrong.first.click()
    expect(page.get_by_role("heading", name="Mistaken")).to_be_visible()
    expect(page.get_by_role("heading", name="What spoke for the true class")).to_be_visible()
    pictures_are_painted(page, ".explanation.true img")


def test_a_misread_word_is_found_and_its_weights_shown(page: Page, address: str) -> None:
    open_page(page, address, "?tab=search&q=bravoo")
    hit = page.locator(".hit").first
    expect(hit).to_be_visible()
    hit.click()
    expect(page.locator(".words-table tr.chosen")).to_have_count(1)


def test_bars_of_the_overview_lead_to_the_samples_that_they_count(page: Page, address: str) -> None:
    open_page(page, address, "?tab=overview")
    page.locator("[data-slot=overview] a[href*='share=']").first.click()
    expect_state(page, tab="gallery")
    expect(page.locator("[data-slot=gallery] h2")).to_be_visible()
