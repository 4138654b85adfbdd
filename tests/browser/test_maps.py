"""Activation maps as a visitor uses them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import served, watched
from tests.browser.steps import expect_state, open_page, pictures_are_painted
from tests.example_database import build

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def forest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path: Path = tmp_path_factory.mktemp("maps") / "forest.db"
    build(f"sqlite:///{path}", embedding=True)
    with served("--db", f"sqlite:///{path}", "--model", "forest") as address:
        yield address


@pytest.fixture
def page(browser: Browser, forest: str) -> Iterator[Page]:
    with watched(browser, forest) as context:
        yield context.new_page()


def test_map_is_painted_and_its_choice_stands_in_the_address(page: Page, forest: str) -> None:
    open_page(page, forest)
    maps = page.locator("[data-slot=maps]")
    pictures_are_painted(page, "[data-slot=maps] .map-row img")
    maps.get_by_label("Layer").focus()
    maps.get_by_label("Layer").select_option(label="2")
    expect_state(page, map="forecast.TZZ.grad-cam.2.13")
    expect(maps.get_by_label("Layer")).to_be_focused()
    page.reload()
    expect(maps.get_by_label("Layer")).to_have_value("forecast.TZZ.grad-cam.2.13")


def test_grid_is_one_click_away_and_chooses(page: Page, forest: str) -> None:
    open_page(page, forest)
    page.get_by_text("Every kind of map").click()
    pictures_are_painted(page, ".map-grid img.heat")
    page.locator(".map-grid a").nth(7).click()
    expect_state(page, map="forecast.TOZ.grad-cam.3.13", open="maps")
    expect(page.locator(".map-grid a[aria-current]")).to_have_count(1)


def test_feature_in_the_table_lights_up_its_place(page: Page, forest: str) -> None:
    open_page(page, forest)
    page.locator(".ranked tbody tr").first.hover()
    expect(page.locator(".boxes rect.lit")).to_have_count(1)


def test_features_and_figures_of_the_model(page: Page, forest: str) -> None:
    open_page(page, forest, "?tab=global")
    expect(page.get_by_text("Features of this class")).to_be_visible()
    pictures_are_painted(page, ".occurrences img")
    page.get_by_text("Whole model").click()
    expect(page.get_by_text("Do the maps point at the right place?")).to_be_visible()
    expect(page.locator(".localisation tr.current")).to_have_count(1)


def test_map_has_the_same_pixels_while_evidence_against_is_shown(page: Page, forest: str) -> None:
    pixels = """image => {
        const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 64 });
        canvas.getContext("2d").drawImage(image, 0, 0, 64, 64);
        return canvas.toDataURL();
    }"""
    shown = []
    for query in ("?threshold=0.5", "?threshold=0.5&signed=1"):
        open_page(page, forest, query)
        heat = page.locator("[data-slot=maps] .map-row img.heat")
        expect(heat).to_have_attribute("src", re.compile("^blob:"))
        pictures_are_painted(page, "[data-slot=maps] .map-row img")
        shown.append(heat.evaluate(pixels))
    assert shown[0] == shown[1]
