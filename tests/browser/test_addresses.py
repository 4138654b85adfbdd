"""The view stands in the page's address: it is shared, kept, and walked back through."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import watched
from tests.browser.steps import (
    choose,
    expect_state,
    open_page,
    open_tab,
    pictures_are_painted,
    state,
)

pytestmark = pytest.mark.browser


def test_opened_group_stands_in_the_address_and_leads_to_the_outlined_part(page: Page, address: str) -> None:
    open_page(page, address, "?tab=global&class=Zeta-Juice")
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    expect_state(page, open="image-1")
    page.locator("summary").nth(1).click()
    expect_state(page, open="image-2")
    expect(page.locator("details[open]")).to_have_count(1)
    page.reload()
    member = page.locator("details[open] .members a").first
    pictures_are_painted(page, "details[open] .members img")
    member.click()
    expect(page.locator(".path")).to_contain_text("test/Zeta-Juice/")
    expect(page.locator(".explanation.predicted path.chosen")).to_have_count(3)
    assert state(page)["focus"].startswith("image-")
    page.locator(".thumb:not([aria-current])").first.click()
    expect(page.locator("path.chosen")).to_have_count(0)
    assert "focus" not in state(page)


def test_whole_model_leads_to_its_classes_and_back(page: Page, address: str) -> None:
    open_page(page, address, "?tab=global&class=Zeta-Juice&model=score_fusion")
    page.get_by_text("Whole model").click()
    expect_state(page, scope="model", **{"class": "Zeta-Juice"})
    expect(page.locator("[data-slot=global] h2")).to_have_text("score_fusion")
    page.locator(".ratios a", has_text="Zeta-Juice").click()
    expect(page.locator("[data-slot=global] h2")).to_have_text("Zeta-Juice")
    assert "scope" not in state(page)
    page.go_back()
    expect(page.locator("[data-slot=global] h2")).to_have_text("score_fusion")
    choose(page, "Class", "arla")
    expect(page.locator("[data-slot=global] h2")).to_have_text("Arla-Mjölk 1 l")


def test_confused_pair_is_chosen_by_keyboard_and_shared_by_its_address(page: Page, address: str) -> None:
    open_page(page, address, "?tab=global&scope=model&model=score_fusion")
    pair = page.get_by_label("Pair")
    first = page.locator(".side h4").all_inner_texts()
    pair.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".side h4").first).not_to_have_text(first[0])
    chosen = state(page)["pair"]
    expect(pair).to_have_value(chosen)
    expect(pair).to_be_focused()
    page.reload()
    expect(page.get_by_label("Pair")).to_have_value(chosen)


def test_model_change_keeps_class_sample_tab_and_threshold(page: Page, address: str) -> None:
    names = {"class": "Zeta-Juice", "sample": "test/Zeta-Juice/x_002.jpg", "threshold": "0.4", "signed": "1"}
    open_page(page, address, "?" + "&".join(f"{key}={value}" for key, value in names.items()))
    choose(page, "Model", "embrace")
    expect_state(page, model="embracenet", **names)
    expect(page.locator(".path")).to_have_text(names["sample"])
    open_tab(page, "Gallery")
    choose(page, "Model", "score")
    expect_state(page, model="score_fusion", tab="gallery", **names)
    assert page.get_by_role("tab", name="Gallery").get_attribute("aria-selected") == "true"


def test_copied_link_opens_the_same_view_in_another_browser(page: Page, address: str, browser: Browser) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_page(page, address, "?class=Zeta-Juice&model=embracenet")
    page.get_by_role("button", name="Next sample").click()
    page.get_by_label("Hide importances below").first.fill("0.5")
    open_tab(page, "Gallery")
    page.locator("input[name=layer][value=text]").check(force=True)
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    with watched(browser, address) as other:
        copy = other.new_page()
        copy.goto(link)
        expect(copy.locator(".tile:visible").first).to_be_visible()
        assert state(copy) == state(page)
        expect(copy.get_by_label("Hide importances below").first).to_have_value("0.5")
        expect(copy.locator("input[name=layer][value=text]")).to_be_checked()
        expect(copy.get_by_role("combobox", name="Model")).to_have_value(re.compile("^embracenet"))
        copy.get_by_role("tab", name="Single Sample").click()
        expect(copy.locator(".path")).to_have_text("test/Zeta-Juice/x_001.jpg")


def test_back_and_forward_walk_through_the_views(page: Page, address: str) -> None:
    open_page(page, address)
    page.get_by_role("button", name="Next sample").click()
    expect(page.locator(".path")).to_have_text("test/Arla-Mjölk/x_001.jpg")
    open_tab(page, "Global")
    choose(page, "Class", "zeta")
    expect(page.locator("[data-slot=global] h2")).to_have_text("Zeta-Juice")
    page.go_back()
    expect(page.locator("[data-slot=global] h2")).to_have_text("Arla-Mjölk 1 l")
    page.go_back()
    expect(page.locator(".path")).to_have_text("test/Arla-Mjölk/x_001.jpg")
    page.go_back()
    expect(page.locator(".path")).to_have_text("test/Arla-Mjölk/x_000.jpg")
    page.go_forward()
    expect(page.locator(".path")).to_have_text("test/Arla-Mjölk/x_001.jpg")
    expect(page.get_by_role("combobox", name="Class")).to_have_value(re.compile("^Arla"))


def test_opens_on_the_overview_and_a_class_chosen_there_shows_its_samples(page: Page, address: str) -> None:
    page.goto(f"{address}/")
    expect(page.get_by_role("tab", name="Overview")).to_have_attribute("aria-selected", "true")
    expect(page.locator("[data-slot=overview] h3").first).to_be_visible()
    expect(page.get_by_role("combobox", name="Class")).not_to_have_value("")
    choose(page, "Class", "Zeta")
    expect(page.get_by_role("tab", name="Single Sample")).to_have_attribute("aria-selected", "true")
    expect(page.locator("[data-slot=sample] .path")).to_have_text("test/Zeta-Juice/x_000.jpg")
    page.go_back()
    expect(page.locator("[data-slot=overview] h3").first).to_be_visible()


@pytest.mark.parametrize("query", ["tab=search&q=best", "tab=overview"])
def test_tabs_that_tell_of_no_class_keep_the_one_that_was_chosen(page: Page, address: str, query: str) -> None:
    open_page(page, address, f"?class=Zeta-Juice&model=score_fusion&{query}")
    expect(page.get_by_role("combobox", name="Class")).to_have_value(re.compile("^Zeta"))
    page.wait_for_load_state("networkidle")
    expect_state(page, **{"class": "Zeta-Juice"})
    open_tab(page, "Single Sample")
    expect(page.locator("[data-slot=sample] .path")).to_have_text("test/Zeta-Juice/x_000.jpg")


def test_back_undoes_a_filter(page: Page, address: str) -> None:
    open_page(page, address, "?tab=gallery&class=Zeta-Juice&model=score_fusion")
    tiles = page.locator("[data-slot=gallery] .tile")
    expect(tiles).to_have_count(6)
    page.locator("input[name=shown][value=wrong]").check(force=True)
    expect(tiles).to_have_count(1)
    page.go_back()
    expect(tiles).to_have_count(6)
    expect(page.locator("input[name=shown][value=all]")).to_be_checked()


def test_two_browsers_do_not_see_each_other_s_choices(page: Page, address: str, browser: Browser) -> None:
    open_page(page, address)
    with watched(browser, address) as other:
        second = other.new_page()
        open_page(second, address, "?class=Zeta-Juice&model=embracenet&threshold=0.6")
        page.get_by_role("button", name="Next sample").click()
        expect(page.locator(".path")).to_have_text("test/Arla-Mjölk/x_001.jpg")
        expect(second.locator(".path")).to_have_text("test/Zeta-Juice/x_000.jpg")
        second.reload()
        expect(second.locator(".path")).to_have_text("test/Zeta-Juice/x_000.jpg")
        assert state(second)["model"] == "embracenet"
        page.reload()
        expect(page.locator(".path")).to_have_text("test/Arla-Mjölk/x_001.jpg")
        assert "threshold" not in state(page)
