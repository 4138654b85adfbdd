"""From charts to the samples behind them, and the gallery's filters and orders."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import expect_state, open_page, state

pytestmark = pytest.mark.browser


def test_classes_are_ranked_by_any_column_without_a_request(page: Page, address: str) -> None:
    open_page(page, address, "?tab=overview&model=score_fusion")
    page.wait_for_load_state("networkidle")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    first = page.locator("table.ranked tbody tr").first
    for column, name in (("share", "On picture"), ("precision", "Precision"), ("confusion", "Most often taken for")):
        head = page.locator(f"table.ranked th[data-column={column}]")
        head.get_by_role("button", name=name).click()
        expect(head).to_have_attribute("aria-sort", "descending" if column == "confusion" else "ascending")
        expect_state(page, rank=column)
        values = page.locator("table.ranked tbody tr").evaluate_all(
            f"rows => rows.map((row) => Number(row.dataset.{column}))"
        )
        assert values == sorted(values)  # the counts of confusions are stored as negative ones: the most come first
    page.locator("th[data-column=name] button").click()
    page.locator("th[data-column=name] button").press("Enter")
    expect_state(page, rank="-name")
    expect(first).to_contain_text("Zeta-Juice")
    assert asked == []
    page.reload()
    expect(first).to_contain_text("Zeta-Juice")
    expect(page.locator("th[data-column=name]")).to_have_attribute("aria-sort", "descending")


def test_bar_of_a_histogram_selects_its_samples(page: Page, address: str) -> None:
    open_page(page, address, "?tab=overview")
    bar = page.locator(".shared-scale figure").nth(1).locator("a").first
    count = int((bar.get_attribute("aria-label") or "").split(": ")[1].split()[0])
    bar.focus()
    page.keyboard.press("Enter")
    expect_state(page, tab="gallery", within="all", model="score_fusion")
    expect(page.locator(".tile")).to_have_count(count)
    expect(page.locator(".chip", has_text="Image share")).to_be_visible()
    page.go_back()
    expect(page.locator(".reliability a").first).to_be_visible()
    page.locator(".reliability a").first.click()
    expect(page.locator(".chip", has_text="Certainty")).to_be_visible()
    assert "share" not in state(page)
    page.locator(".chip", has_text="Certainty").click()
    expect(page.locator(".tile")).to_have_count(18)


def test_bar_on_the_global_tab_selects_samples_of_the_class(page: Page, address: str) -> None:
    open_page(page, address, "?tab=global&class=Zeta-Juice")
    page.locator(".ratio figure").first.locator("a").first.click()
    expect_state(page, tab="gallery", **{"class": "Zeta-Juice"})
    assert "within" not in state(page)
    expect(page.locator(".tile").first).to_contain_text("Zeta-Juice")


def test_order_and_filters_stand_in_the_address(page: Page, address: str) -> None:
    open_page(page, address, "?tab=gallery&class=Zeta-Juice&model=score_fusion")
    page.get_by_label("Order").select_option("doubtful")
    expect_state(page, sort="doubtful")
    expect(page.locator(".tile .detail").first).to_contain_text("holds:")
    page.get_by_text("All classes").click()
    expect_state(page, within="all")
    expect(page.locator("[data-slot=gallery] h2")).to_have_text("All classes")
    expect(page.locator("select[data-state=sort] option[value=trusted]")).to_be_disabled()
    page.get_by_text("Taken for …").click()
    expect(page.locator(".tile")).to_have_count(2)
    rival = page.locator("select[data-state=rival]")
    rival.select_option("Zeta-Juice")
    expect_state(page, rival="Zeta-Juice")
    expect(page.locator(".tile")).to_have_count(1)
    page.reload()
    expect(page.locator(".tile")).to_have_count(1)
    expect(rival).to_have_value("Zeta-Juice")


def test_accuracy_leads_to_the_mistakes(page: Page, address: str) -> None:
    open_page(page, address, "?tab=overview")
    page.locator(".models tr", has_text="embracenet").locator("a.rated").click()
    expect_state(page, tab="compare", compare="confusion", model="embracenet")
    expect(page.locator(".matrix")).to_be_visible()
    page.go_back()
    page.locator("table.ranked tr", has_text="Zeta-Juice").first.get_by_text("1 ×").click()
    expect_state(page, tab="gallery", shown="confused")
    expect(page.locator(".tile")).to_have_count(1)
