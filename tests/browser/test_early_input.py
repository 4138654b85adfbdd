"""What a visitor does before the page is ready is kept and carried out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.steps import choose, expect_state, open_page

pytestmark = pytest.mark.browser


@contextmanager
def delayed(page: Page, address: str) -> Iterator[None]:
    """Answers at this address come at the end."""
    waiting: list[Route] | None = []

    def arrived(route: Route) -> None:
        route.continue_() if waiting is None else waiting.append(route)

    page.route(re.compile(address), arrived)
    yield
    assert waiting
    routes, waiting = waiting, None
    for route in routes:
        route.continue_()


@pytest.mark.parametrize("tab", ["sample", "compare"])
def test_arrow_keys_pressed_before_the_strip_has_arrived_step_when_it_has(page: Page, address: str, tab: str) -> None:
    path = page.locator(f"[data-slot={tab}] .path")
    with delayed(page, "/view/strip"):
        open_page(page, address, f"?tab={tab}&class=Zeta-Juice")
        expect(path).to_have_text("test/Zeta-Juice/x_000.jpg")
        for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft"):
            page.keyboard.press(key)
    expect(path).to_have_text("test/Zeta-Juice/x_002.jpg")
    page.keyboard.press("ArrowLeft")
    expect(path).to_have_text("test/Zeta-Juice/x_001.jpg")


def test_arrow_keys_pressed_before_the_sample_has_arrived_step_from_it(page: Page, address: str) -> None:
    open_page(page, address)
    with delayed(page, "/view/sample.*Zeta"):
        choose(page, "Class", "zeta")
        expect_state(page, **{"class": "Zeta-Juice"})
        page.locator("body").press("ArrowRight")
    expect(page.locator(".path")).to_have_text("test/Zeta-Juice/x_001.jpg")


def test_steps_that_wait_are_dropped_when_another_class_is_chosen(page: Page, address: str) -> None:
    with delayed(page, "/view/strip.*Zeta"):
        open_page(page, address, "?class=Zeta-Juice")
        page.keyboard.press("ArrowRight")
        choose(page, "Class", "arla")
        expect(page.locator(".counter")).to_have_text("1 of 6")
    expect(page.locator(".path")).to_have_text("test/Arla-Mjölk/x_000.jpg")


def test_keys_clicks_and_words_before_the_scripts_have_arrived_are_carried_out(page: Page, address: str) -> None:
    with delayed(page, "/page.js"):
        page.goto(f"{address}/?class=Zeta-Juice", wait_until="commit")
        page.get_by_role("tab", name="Gallery").click()
        page.locator("body").press("2")
    expect(page.locator("[data-slot=gallery] h2")).to_have_text("Zeta-Juice")
    expect_state(page, tab="gallery", layer="image")
    assert page.get_by_role("tab", name="Gallery").get_attribute("aria-selected") == "true"


def test_words_typed_into_the_search_before_the_scripts_have_arrived_are_searched_for(page: Page, address: str) -> None:
    with delayed(page, "/page.js"):
        page.goto(f"{address}/?tab=search", wait_until="commit")
        page.get_by_role("tab", name="Search").click()
        page.get_by_role("searchbox").press_sequentially("mjölk")
    expect(page.locator("[data-slot=search] h2")).to_contain_text("mjölk")
    expect(page.get_by_role("searchbox")).to_have_value("mjölk")


def test_letters_typed_into_a_dropdown_before_its_choices_have_arrived_find_one(page: Page, address: str) -> None:
    with delayed(page, "/view/choices"):
        page.goto(f"{address}/?tab=sample")
        expect(page.locator(".verdict")).to_be_visible()
        box = page.get_by_role("combobox", name="Class")
        box.click()
        box.press_sequentially("zeta")
    expect(page.locator("#sl-class [role=option]")).to_have_count(1)
    page.get_by_role("option", name="zeta").click()
    expect(page.locator(".path")).to_have_text("test/Zeta-Juice/x_000.jpg")
