"""The page as a visitor uses it, in headless Chromium."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import watched
from tests.browser.steps import (
    SLOTS,
    choose,
    expect_state,
    open_page,
    open_tab,
    pictures_are_painted,
    sheets_are_painted,
    state,
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
    runner_up = [url for url in asked if "/heat/" in url and "target=Oat" in url]
    assert runner_up == []
    page.get_by_text("Why not the runner-up").hover()
    page.wait_for_timeout(500)
    assert len([url for url in asked if "/heat/" in url and "target=Oat" in url]) == 2


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


def test_badge_tells_its_numbers_to_the_keyboard(page: Page, address: str) -> None:
    open_page(page, address, "?model=score_fusion&class=Zeta-Juice")
    badge = page.locator(".explanation.predicted .badge")
    tip = badge.get_by_role("tooltip")
    expect(tip).to_be_hidden()
    badge.focus()
    expect(tip).to_be_visible()
    expect(tip).to_contain_text("Taken away, strongest first")


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


def test_arrow_keys_step_on_after_a_switch_was_used(page: Page, address: str) -> None:
    open_page(page, address, "?class=Zeta-Juice")
    page.get_by_label("Evidence against too").first.check(force=True)
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-slot=sample] .path")).to_have_text("test/Zeta-Juice/x_001.jpg")


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
