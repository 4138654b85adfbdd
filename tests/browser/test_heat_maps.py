"""Heat maps in a real browser: threshold, colours, sign and strength."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import (
    expect_state,
    open_page,
    pictures_are_painted,
)

pytestmark = pytest.mark.browser


def test_threshold_hides_and_shows_what_is_drawn(page: Page, address: str) -> None:
    open_page(page, address)
    drawn = page.locator(".explanation.predicted .words polygon.drawn")
    before = drawn.count()
    slider = page.locator("[data-slot=sample]").locator("xpath=..").get_by_label("Hide importances below")
    slider.fill("0.95")
    expect_state(page, threshold="0.95")
    assert drawn.count() < before
    slider.fill("0")
    assert drawn.count() >= before


PIXELS = """async (image, address) => {
    if (address) { image = new Image(); image.src = address; }
    await image.decode();
    const [width, height] = [image.naturalWidth, image.naturalHeight];
    const context = new OffscreenCanvas(width, height).getContext("2d");
    context.drawImage(image, 0, 0);
    return [...context.getImageData(0, 0, width, height).data].filter((_, at) => at % 997 < 8).join();
}"""


@pytest.mark.parametrize("view", ["Heat map of the picture parts", "Heat map of picture and words together"])
@pytest.mark.parametrize("signed", ["", "?signed=1"])
def test_threshold_and_colours_are_redrawn_in_the_page_as_the_server_draws_them(
    page: Page, address: str, view: str, signed: str
) -> None:
    open_page(page, address, signed)
    pictures_are_painted(page, ".explanation.predicted img")
    heat = page.locator(".explanation.predicted").get_by_alt_text(view)
    first, drawn = heat.evaluate(PIXELS), str(heat.get_attribute("src"))
    tools = page.locator("[data-slot=sample]").locator("xpath=..")
    threshold = tools.get_by_label("Hide importances below")
    threshold.fill("0.95")  # the bytes are read once, out of the browser's own cache unless it dropped them
    expect(heat).to_have_attribute("src", re.compile("^blob:"))
    page.wait_for_load_state("networkidle")
    before = str(heat.get_attribute("src"))
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    threshold.fill("0.55")
    expect(heat).not_to_have_attribute("src", before)
    look = "threshold=0.55"
    if not signed:
        before = str(heat.get_attribute("src"))
        tools.get_by_role("combobox", name="Colours").select_option("cividis")
        look += "&colours=cividis"
        expect(heat).not_to_have_attribute("src", before)
    now = heat.evaluate(PIXELS)
    assert [url for url in fetched if drawn in url] == []  # other tabs may still be fetched ahead
    assert now == heat.evaluate(PIXELS, f"{drawn}&{look}")
    assert now != first


def test_view_in_which_nothing_is_drawn_says_so(page: Page, address: str) -> None:
    open_page(page, address, "?threshold=1")
    faint = page.locator(".explanation.predicted .faint:visible")
    expect(faint).to_have_count(1)  # the strongest mark of all is drawn in one of the two views
    expect(faint).to_contain_text("stands out")
    open_page(page, address, "?threshold=0")
    pictures_are_painted(page, ".explanation.predicted img")
    expect(faint).to_have_count(0)


def test_signed_view_shows_evidence_against(page: Page, address: str) -> None:
    open_page(page, address, "?sample=test/Oat+%26+<i>Rye</i>/x_001.jpg")
    note = page.locator(".explanation.predicted .sl-note")
    expect(note).to_be_visible()
    expect(page.locator(".explanation.predicted polygon.drawn")).to_have_count(0)
    page.get_by_text("Evidence against too").first.click()
    expect(note).to_be_hidden()
    expect(page.locator(".explanation.predicted polygon.drawn").first).to_be_attached()
    expect_state(page, signed="1")
    pictures_are_painted(page, ".explanation.predicted img.heat")


def test_strength_needs_no_request(page: Page, address: str) -> None:
    open_page(page, address)
    pictures_are_painted(page, ".explanation.predicted img")
    page.wait_for_load_state("networkidle")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_label("Strength of the colours").first.fill("0.3")
    heat = page.locator(".explanation.predicted img.heat").first
    assert heat.evaluate("image => getComputedStyle(image).opacity") == "0.3"
    assert [url for url in asked if "x_000" in url] == []  # those of the neighbours are fetched ahead
