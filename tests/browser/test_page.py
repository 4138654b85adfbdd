"""The page as a visitor uses it, in headless Chromium."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import (
    SLOTS,
    choose,
    eventually,
    expect_state,
    open_page,
    open_tab,
    pictures_are_painted,
    sheets_are_painted,
)

pytestmark = pytest.mark.browser


def test_every_tab_opens(page: Page, address: str) -> None:
    open_page(page, address)
    for tab, text in [
        ("Overview", "The hardest first"),
        ("Gallery", "explained"),
        ("Global", "Picture or words?"),
        ("Compare", "Do they look at the same things?"),
        ("Search", "Often read here"),
        ("Single Sample", "Recognised correctly"),
    ]:
        open_tab(page, tab)
        expect(page.locator(f"[data-slot={SLOTS[tab]}]")).to_contain_text(text)
        assert page.get_by_role("tab", name=tab).get_attribute("aria-selected") == "true"


def test_all_four_views_are_painted(page: Page, address: str) -> None:
    open_page(page, address)
    row = ".explanation.predicted"
    pictures_are_painted(page, f"{row} img")
    expect(page.locator(f"{row} figure")).to_have_count(4)
    expect(page.locator(f"{row} .words polygon.drawn").first).to_be_attached()
    for caption in ("Photograph", "Image view", "Text view", "Multimodal view"):
        expect(page.locator(row).get_by_text(caption)).to_be_visible()


def test_class_is_found_by_typing(page: Page, address: str) -> None:
    open_page(page, address)
    choose(page, "Class", "zeta")
    expect_state(page, **{"class": "Zeta-Juice"})
    expect(page.locator(".verdict")).to_contain_text("Zeta-Juice")
    expect(page.get_by_role("combobox", name="Class")).to_have_value(re.compile("^Zeta-Juice"))


def test_samples_are_stepped_by_button_and_by_key(page: Page, address: str) -> None:
    open_page(page, address)
    expect(page.get_by_role("button", name="Previous sample")).to_be_disabled()
    page.get_by_role("button", name="Next sample").click()
    expect(page.locator(".path")).to_have_text("test/Arla-Mjölk/x_001.jpg")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".path")).to_have_text("test/Arla-Mjölk/x_002.jpg")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".path")).to_have_text("test/Arla-Mjölk/x_001.jpg")
    expect(page.locator(".counter")).to_have_text("2 of 6")
    page.locator(".thumb").nth(4).click()
    expect(page.locator(".path")).to_have_text("test/Arla-Mjölk/x_005.jpg")


def test_misclassified_sample_shows_why_it_said_and_what_spoke_for_the_truth(page: Page, address: str) -> None:
    open_page(page, address, "?sample=test/Zeta-Juice/x_001.jpg")
    expect(page.get_by_text("Mistaken")).to_be_visible()
    expect(page.get_by_role("heading", name="Why it said Arla-Mjölk 1 l")).to_be_visible()
    expect(page.get_by_role("heading", name="What spoke for the true class Zeta-Juice")).to_be_visible()
    pictures_are_painted(page, ".explanation.true img")
    runner_up = page.get_by_role("heading", name="Why not Oat & <i>Rye</i>")
    expect(runner_up).to_be_hidden()
    page.get_by_text("Why not the runner-up").click()
    expect(runner_up).to_be_visible()
    expect_state(page, against="1")


def test_tables_below_belong_to_the_sample_above_however_fast_one_steps(page: Page, address: str) -> None:
    open_page(page, address)
    page.get_by_role("button", name="Next sample").click()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    path = "test/Arla-Mjölk/x_001.jpg"
    expect(page.locator(".path")).to_have_text(path)
    expect(page.locator(".tags")).to_have_attribute("data-tags", path)
    page.wait_for_timeout(500)
    expect(page.locator(".tags")).to_have_attribute("data-tags", path)
    expect(page.locator("[data-late]")).to_have_count(1)


def test_folded_away_runner_up_asks_for_no_picture_until_a_hand_nears_its_switch(page: Page, address: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    open_page(page, address, "?sample=test/Zeta-Juice/x_001.jpg")
    pictures_are_painted(page, ".explanation.true img")
    page.wait_for_load_state("networkidle")

    def of_runner_up() -> list[str]:
        return [url for url in asked if "/heat/" in url and "target=Oat" in url]

    assert of_runner_up() == []
    page.get_by_text("Why not the runner-up").hover()
    eventually(page, lambda: len(of_runner_up()) >= 2)
    page.wait_for_load_state("networkidle")
    assert len(of_runner_up()) == 2


def test_class_that_typing_has_found_is_fetched_before_it_is_chosen(page: Page, address: str) -> None:
    open_page(page, address)
    box = page.get_by_role("combobox", name="Class")
    box.click()
    with page.expect_request(lambda request: "/view/sample" in request.url and "class=Zeta-Juice" in request.url):
        box.press_sequentially("zeta")
    expect_state(page, sample="test/Arla-Mjölk/x_000.jpg")


def test_gallery_picture_opens_its_sample(page: Page, address: str) -> None:
    open_page(page, address, "?tab=gallery&class=Zeta-Juice")
    expect(page.locator(".tile:visible")).to_have_count(6)
    pictures_are_painted(page, ".tile:not([hidden]) img.heat")
    page.locator(".tile:visible a").nth(1).click()
    expect_state(page, sample="test/Zeta-Juice/x_001.jpg")
    expect(page.locator(".path")).to_have_text("test/Zeta-Juice/x_001.jpg")
    assert page.get_by_role("tab", name="Single Sample").get_attribute("aria-selected") == "true"


def test_gallery_filters_and_views(page: Page, address: str) -> None:
    open_page(page, address, "?tab=gallery&class=Zeta-Juice")
    tiles = page.locator(".tile:visible")
    page.get_by_text("Wrong", exact=True).click()
    expect(tiles).to_have_count(1)
    page.get_by_text("Right", exact=True).click()
    expect(tiles).to_have_count(5)
    page.locator("fieldset", has_text="Show").get_by_text("All", exact=True).click()
    expect(tiles).to_have_count(6)
    page.get_by_text("Training").click()
    expect(tiles).to_have_count(2)
    expect(tiles.first).to_contain_text("not explained")
    page.locator("fieldset", has_text="Samples").get_by_text("All").click()
    expect(tiles).to_have_count(8)
    for layer, shown in [("photograph", False), ("text", True), ("image", True), ("multimodal", True)]:
        page.locator(f"input[name=layer][value={layer}]").check(force=True)
        expect(page.locator("img.heat:visible")).to_have_count(6 if shown else 0)


def test_member_of_a_group_opens_its_sample(page: Page, address: str) -> None:
    open_page(page, address, "?tab=global&class=Zeta-Juice")
    sheets_are_painted(page, ".crops .cell")
    page.locator(".crops a").first.click()
    expect(page.locator(".path")).to_contain_text("test/Zeta-Juice/")


def test_badge_tells_its_numbers_to_the_keyboard(page: Page, address: str) -> None:
    open_page(page, address, "?model=score_fusion&class=Zeta-Juice")
    badge = page.locator(".explanation.predicted .badge")
    tip = badge.get_by_role("tooltip")
    expect(tip).to_be_hidden()
    badge.focus()
    expect(tip).to_be_visible()
    expect(tip).to_contain_text("Taken away, strongest first")


def test_arrow_keys_step_on_after_a_switch_was_used(page: Page, address: str) -> None:
    open_page(page, address, "?class=Zeta-Juice")
    page.get_by_label("Evidence against too").first.check(force=True)
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-slot=sample] .path")).to_have_text("test/Zeta-Juice/x_001.jpg")


def test_light_and_dark_are_remembered(page: Page, address: str) -> None:
    open_page(page, address)
    assert page.evaluate("document.body.classList.contains('dark')") is False
    page.get_by_role("button", name="Light or dark page").click()
    page.reload()
    expect(page.locator(".verdict")).to_be_visible()
    page.wait_for_function("document.body.classList.contains('dark')")


def test_word_in_the_table_lights_up_its_polygon(page: Page, address: str) -> None:
    open_page(page, address)
    page.locator(".words-table tbody tr").first.hover()
    expect(page.locator(".explanation.predicted .touch polygon.lit")).to_have_count(1)


TABS = [
    "overview",
    "sample&whatif=1",
    "gallery",
    "gallery&within=all&shown=confused&split=all",
    "global",
    "global&scope=model&open=paper",
    "compare",
    "compare&compare=class",
    "compare&compare=confusion",
    "search&q=mjolk",
]


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize("width", [390, 1024, 1440])
def test_nothing_is_wider_than_the_screen(page: Page, address: str, tab: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    open_page(page, address, f"?tab={tab}&class=Zeta-Juice&against=1&model=score_fusion")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
