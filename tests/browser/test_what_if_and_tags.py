"""Switching parts off on a sample, and tags for one's team."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import watched
from tests.browser.steps import expect_state, open_page, pictures_are_painted, state

pytestmark = pytest.mark.browser
SAMPLE = "?class=Zeta-Juice&model=score_fusion&sample=test/Zeta-Juice/x_002.jpg"


def surrogate(page: Page) -> dict[str, list[float]]:
    text = page.locator(".explanation.predicted").get_attribute("data-surrogate") or ""
    return {name: value if isinstance(value, list) else [value] for name, value in json.loads(text).items()}


def shown_estimate(page: Page) -> float:
    text = page.locator("[data-estimate='0']").inner_text().replace("\N{MINUS SIGN}", "-")
    return float(re.sub(r"[^\d.-]", "", text)) / 100


def point_at(frame: Locator, across: float, down: float) -> None:
    """Move the pointer to a place on the photograph, in parts of its sides."""
    frame.scroll_into_view_if_needed()
    box = frame.locator("img").first.bounding_box()
    assert box
    frame.page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])


def test_parts_and_words_are_switched_off_and_the_estimate_follows_at_once(page: Page, address: str) -> None:
    open_page(page, address, SAMPLE)
    expect(page.locator(".whatif")).to_be_hidden()
    page.get_by_text("What if …").click()
    expect_state(page, whatif="1")
    numbers = surrogate(page)
    whole = numbers["intercept"][0] + sum(numbers["image"]) + sum(numbers["text"])
    assert shown_estimate(page) == pytest.approx(whole, abs=6e-4)
    pictures_are_painted(page, ".explanation.predicted img")
    page.wait_for_load_state("networkidle")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("checkbox", name="Count word2").uncheck()
    expect_state(page, off="text-0")
    assert shown_estimate(page) == pytest.approx(whole - numbers["text"][0], abs=6e-4)
    point_at(page.locator(".explanation.predicted .frame").first, 0.5, 0.97)
    page.mouse.down()
    page.mouse.up()
    page.wait_for_function("new URLSearchParams(location.search).get('off')?.includes('image-')")
    part = int(state(page)["off"].split(".")[0].removeprefix("image-"))
    assert shown_estimate(page) == pytest.approx(whole - numbers["text"][0] - numbers["image"][part], abs=6e-4)
    expect(page.locator(".whatif code")).to_have_text(
        re.compile(rf"precompute probe --db .* --drop-segments {part} --drop-entries 0$")
    )
    assert [url for url in asked if "/view/" in url or "/heat/" in url] == []
    page.reload()
    expect(page.get_by_role("checkbox", name="Count word2")).not_to_be_checked()
    page.get_by_role("button", name="Put everything back").click()
    assert shown_estimate(page) == pytest.approx(whole, abs=6e-4)
    assert "off" not in state(page)


def test_next_sample_starts_with_everything_back(page: Page, address: str) -> None:
    open_page(page, address, f"{SAMPLE}&whatif=1&off=text-0")
    page.get_by_role("button", name="Next sample").click()
    expect(page.locator("[data-slot=sample] .path")).to_contain_text("x_004")
    assert "off" not in state(page)
    assert state(page)["whatif"] == "1"
    expect(page.locator("[data-keep]:not(:checked)")).to_have_count(0)


@pytest.mark.parametrize("sample", ["x_002", "x_000"])  # the latter has 300 parts, a 16-bit label map
def test_pointing_at_a_part_shows_its_weight(page: Page, address: str, sample: str) -> None:
    open_page(page, address, f"?class=Zeta-Juice&model=score_fusion&sample=test/Zeta-Juice/{sample}.jpg")
    numbers = surrogate(page)["image"]
    frame = page.locator(".explanation.predicted .frame").nth(1)
    point_at(frame, 0.5, 0.97)
    tip = page.locator(".superpixel-tip")
    expect(tip).to_be_visible()
    part, weight = re.match(r"Part (\d+): ([+\N{MINUS SIGN}][\d.]+) for", tip.inner_text()).groups()  # type: ignore[union-attr]
    assert float(weight.replace("\N{MINUS SIGN}", "-")) == pytest.approx(numbers[int(part)], abs=6e-4)
    assert int(part) >= len(numbers) * 3 // 4  # parts are numbered from above
    page.locator("h2").first.hover()
    expect(tip).to_be_hidden()


def test_line_of_the_table_lights_up_its_part(page: Page, address: str) -> None:
    open_page(page, address, SAMPLE)
    pixels = "canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data"
    canvases = "[...document.querySelectorAll('.explanation.predicted canvas.superpixels')]"
    lit = f"() => {canvases}.map((canvas) => {pixels}.some((value) => value > 0))"
    assert page.evaluate(lit) == [False] * 3
    page.locator("tr[data-superpixel]").first.focus()
    page.wait_for_function(f"({lit})().every(Boolean)")


def test_word_lights_up_from_polygon_and_from_table(page: Page, address: str) -> None:
    open_page(page, address, SAMPLE)
    # not by the mouse: where the page still moves, it lies over something else a moment later
    page.locator(".explanation.predicted .touch polygon").last.dispatch_event("pointerover")
    expect(page.locator(".words-table tr.lit")).to_have_count(1)
    page.locator(".words-table tr[data-entry]").nth(1).focus()
    expect(page.locator(".words-table tr.lit")).to_have_count(1)
    expect(page.locator(".explanation.predicted polygon.lit")).to_have_count(3)


def test_colour_map_is_chosen_and_stands_in_the_address(page: Page, address: str) -> None:
    open_page(page, address, SAMPLE)
    colours = page.locator("select[data-state=colours]:visible")
    colours.select_option("cividis")
    expect_state(page, colours="cividis")
    heat = page.locator(".explanation.predicted img.heat").first
    expect(heat).to_have_attribute("src", re.compile("^blob:"))  # drawn anew in the page
    pictures_are_painted(page, ".explanation.predicted img.heat")
    fill = "polygon => getComputedStyle(polygon).fill"
    drawn = page.locator(".explanation.predicted .fills polygon.drawn").last
    even = drawn.evaluate(fill)
    colours.select_option("jet")
    expect(heat).not_to_have_attribute("src", re.compile("^blob:"))
    assert drawn.evaluate(fill) != even


def tag(page: Page, text: str) -> None:
    page.get_by_label("New tag").fill(text)
    page.get_by_label("New tag").press("Enter")
    expect(page.get_by_label("New tag")).to_have_value("")


def test_tagged_samples_are_filtered_and_exported(page: Page, address: str, tmp_path: Path) -> None:
    open_page(page, address, SAMPLE)
    tag(page, "<b>bad crop</b>")
    tag(page, '=HYPERLINK("http://x")')
    expect(page.locator("[data-tags] .chip")).to_have_count(2)
    page.get_by_role("button", name="Next sample").click()
    expect(page.locator("[data-slot=sample] .path")).to_contain_text("x_004")
    expect(page.locator("[data-tags] .chip")).to_have_count(0)
    page.get_by_role("button", name="Add").click()
    expect(page.locator("[data-tags] .chip")).to_have_text(re.compile("check this one"))
    page.get_by_role("tab", name="Gallery").click()
    expect(page.locator(".tile .noted")).to_have_count(2)
    page.get_by_text("Tagged", exact=True).click()
    expect_state(page, shown="tagged")
    expect(page.locator(".tile")).to_have_count(2)
    page.reload()
    expect(page.locator(".tile")).to_have_count(2)
    expect(page.locator(".tile .noted").first).to_have_text('<b>bad crop</b>, =HYPERLINK("http://x")')
    with page.expect_download() as download:
        page.get_by_role("button", name="Tagged list as CSV (2)").click()
    file = tmp_path / "tagged.csv"
    download.value.save_as(file)
    assert download.value.suggested_filename == "tagged-example.csv"
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["sample"] for row in rows] == ["test/Zeta-Juice/x_002.jpg", "test/Zeta-Juice/x_004.jpg"]
    assert rows[0]["tags"] == '<b>bad crop</b>; =HYPERLINK("http://x")'
    assert (rows[0]["database"], rows[0]["class"], rows[0]["model"]) == ("example", "Zeta-Juice", "score_fusion")
    assert parse_qs(urlsplit(rows[1]["link"]).query)["sample"] == ["test/Zeta-Juice/x_004.jpg"]


def test_cells_that_would_start_a_formula_are_defused(page: Page, address: str) -> None:
    open_page(page, address, SAMPLE)
    source = page.locator("script[src*='/page.js']").get_attribute("src") or ""
    module = json.dumps(f"/{source.replace('page.js', 'tags.js')}")
    risky = ["=1+1", "+1", "-1", "@x", " =1", "\t=1"]
    call = f"async (cells) => {{ const {{ cell }} = await import({module}); return cells.map(cell); }}"
    assert page.evaluate(call, risky) == [f'"\'{text}"' for text in risky]
    assert page.evaluate(call, ['a"b', "plain", "a=b", ""]) == ['"a""b"', '"plain"', '"a=b"', '""']


def test_tags_stay_in_their_own_browser_and_go_when_taken_away(page: Page, address: str, browser: Browser) -> None:
    open_page(page, address, SAMPLE)
    tag(page, "mine")
    with watched(browser, address) as other:
        stranger = other.new_page()
        open_page(stranger, address, SAMPLE)
        expect(stranger.locator("[data-tags] .chip")).to_have_count(0)
    page.get_by_role("button", name="Take away the tag mine").click()
    expect(page.locator("[data-tags] .chip")).to_have_count(0)
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.includes('tags'))") == []
    page.get_by_role("tab", name="Gallery").click()
    page.get_by_text("Tagged", exact=True).click()
    expect(page.get_by_text("You have not tagged any of these samples yet")).to_be_visible()
    expect(page.locator("[data-export]")).to_be_hidden()
