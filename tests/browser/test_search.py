"""The Search tab as a visitor uses it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import watched
from tests.browser.steps import expect_state, open_page, open_tab, pictures_are_painted, state

pytestmark = pytest.mark.browser


def test_mistyped_word_leads_to_its_entry_in_a_sample(page: Page, address: str) -> None:
    open_page(page, address)
    open_tab(page, "Search")
    field = page.get_by_role("searchbox")
    field.press_sequentially("mjlök")
    expect_state(page, tab="search", q="mjlök")
    results = page.locator("[data-slot=search]")
    expect(results.locator("h2")).to_contain_text("mjlök")
    expect(field).to_be_focused()
    pictures_are_painted(page, ".hit img")
    hit = results.locator(".hit").first
    expect(results.locator("tbody tr").first.locator(".weight")).to_have_count(3)
    hit.click()
    expect(page.locator(".words-table tr.chosen")).to_have_count(1)
    assert state(page)["focus"].startswith("text-")
    page.go_back()
    expect(results.locator("h2")).to_contain_text("mjlök")
    expect(field).to_have_value("mjlök")


def test_link_opens_the_same_search(page: Page, address: str) -> None:
    open_page(page, address, "?tab=search&q=best+before")
    expect(page.get_by_role("searchbox")).to_have_value("best before")
    expect(page.locator("[data-slot=search] h3").first).to_contain_text("best before")


def test_empty_field_offers_words_and_a_missing_word_the_nearest(page: Page, address: str) -> None:
    open_page(page, address, "?tab=search&q=bexxre")
    expect(page.locator("[data-slot=search] h2")).to_contain_text("No word like")
    page.locator(".words-found a", has_text="before").click()
    expect_state(page, q="before")
    page.get_by_role("searchbox").fill("")
    expect(page.locator("[data-slot=search]")).to_contain_text("Often read here")
    page.locator(".words-found a").first.click()
    expect(page.locator(".hit").first).to_be_visible()


def test_count_of_a_word_leads_to_the_samples_that_show_it(page: Page, address: str) -> None:
    open_page(page, address, "?tab=search&q=best before")
    page.locator("[data-slot=search] h3 a").first.click()
    chip = page.get_by_role("button", name="Take away the filter: With the word")
    expect(chip).to_contain_text("best before")
    tiles = page.locator("[data-slot=gallery] .tile")
    expect(tiles).not_to_have_count(0)
    expect_state(page, tab="gallery", within="all", split="all", word="best before")
    chip.click()
    expect(chip).to_have_count(0)
    expect(tiles).not_to_have_count(0)


def test_back_shows_the_words_of_the_address_while_they_are_edited(page: Page, address: str) -> None:
    open_page(page, address, "?tab=search&q=bexxre")
    page.locator("[data-slot=search] .words-found a").first.click()
    field = page.get_by_role("searchbox")
    expect(field).not_to_have_value("bexxre")
    field.focus()
    page.go_back()
    expect(field).to_have_value("bexxre")


def test_two_browsers_search_for_themselves(page: Page, address: str, browser: Browser) -> None:
    open_page(page, address, "?tab=search&q=before")
    with watched(browser, address) as other:
        second = other.new_page()
        open_page(second, address, "?tab=search")
        expect(second.get_by_role("searchbox")).to_have_value("")
        second.get_by_role("searchbox").fill("102g")
        expect(second.locator("[data-slot=search] h2")).to_contain_text("102g")
        page.reload()
        expect(page.get_by_role("searchbox")).to_have_value("before")
