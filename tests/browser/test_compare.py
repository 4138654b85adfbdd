"""The Compare tab as a visitor uses it."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import choose, expect_state, open_page, pictures_are_painted, state

pytestmark = pytest.mark.browser


def test_models_stand_side_by_side_and_samples_are_stepped_by_key(page: Page, address: str) -> None:
    open_page(page, address, "?tab=compare&class=Zeta-Juice")
    expect(page.locator(".compared")).to_have_count(3)
    pictures_are_painted(page, ".compared img.heat")
    expect(page.locator(".compared").first.locator("[data-dispute]")).to_have_count(24)  # shapes and numbers, two views
    page.keyboard.press("ArrowRight")
    expect_state(page, sample="test/Zeta-Juice/x_001.jpg", tab="compare")
    expect(page.locator("[data-slot=compare] .path")).to_have_text("test/Zeta-Juice/x_001.jpg")
    page.locator("[data-slot=compare-strip] .thumb").nth(2).click()
    expect_state(page, sample="test/Zeta-Juice/x_002.jpg", tab="compare")
    page.go_back()
    expect(page.locator("[data-slot=compare] .path")).to_have_text("test/Zeta-Juice/x_001.jpg")
    page.locator(".compared h3 a", has_text="embracenet").click()
    expect_state(page, model="embracenet", sample="test/Zeta-Juice/x_001.jpg")
    expect(page.locator("[data-slot=sample] .path")).to_have_text("test/Zeta-Juice/x_001.jpg")


def test_disputed_feature_lights_up_in_every_picture(page: Page, address: str) -> None:
    open_page(page, address, "?tab=compare&class=Zeta-Juice")
    page.locator(".disputed tbody tr").nth(1).focus()
    expect(page.locator(".numbers b.lit")).to_have_count(6)
    assert set(page.locator(".numbers b.lit").all_inner_texts()) == {"2"}


def test_what_is_compared_stands_in_the_address(page: Page, address: str) -> None:
    open_page(page, address, "?tab=compare&class=Zeta-Juice")
    page.get_by_text("The true class").click()
    expect_state(page, about="true")
    page.get_by_text("One class", exact=True).click()
    expect_state(page, compare="class")
    expect(page.locator("[data-slot=compare]")).to_contain_text("Do they lean on the picture")
    expect(page.locator("[data-slot=compare-strip]")).to_be_hidden()
    pictures_are_painted(page, "[data-slot=compare] .crops img")
    page.reload()
    expect(page.locator("[data-slot=compare]")).to_contain_text("Do they lean on the picture")
    choose(page, "Class", "arla")
    expect(page.locator("[data-slot=compare] h2")).to_have_text("Arla-Mjölk 1 l")
    page.go_back()
    expect(page.locator("[data-slot=compare] h2")).to_have_text("Zeta-Juice")


def test_cell_of_the_matrix_opens_its_samples_by_pointer(page: Page, address: str) -> None:
    open_page(page, address, "?tab=compare&compare=confusion&model=score_fusion")
    matrix = page.locator(".matrix")
    classes = [label for label, _, _ in json.loads(matrix.get_attribute("data-classes") or "")]
    box = matrix.bounding_box()
    assert box
    across = (classes.index("Arla-Mjölk") + 0.5) / len(classes) * box["width"]
    down = (classes.index("Zeta-Juice") + 0.5) / len(classes) * box["height"]
    matrix.hover(position={"x": across, "y": down})
    expect(page.locator(".matrix-status")).to_have_text("Zeta-Juice taken for Arla-Mjölk 1 l: 1 of 6 test samples.")
    matrix.click(position={"x": across, "y": down})
    expect_state(page, tab="gallery", shown="confused", rival="Arla-Mjölk", **{"class": "Zeta-Juice"})
    expect(page.locator(".tile")).to_have_count(1)
    expect(page.locator(".tile")).to_contain_text("Arla-Mjölk 1 l")
    page.get_by_role("button", name="Take away the filter: Taken for").click()
    assert "rival" not in state(page)
    expect(page.locator(".tile")).to_have_count(1)


def test_matrix_is_walked_by_keys_and_an_empty_cell_opens_nothing(page: Page, address: str) -> None:
    open_page(page, address, "?tab=compare&compare=confusion&model=score_fusion")
    matrix = page.locator(".matrix")
    matrix.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".matrix-status")).to_have_text(re.compile(r"^Oat & <i>Rye</i> taken for Arla-Mjölk 1 l: 0 of"))
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".matrix-status")).to_have_text("Arla-Mjölk 1 l: 6 of 6 test samples recognised.")
    assert state(page)["tab"] == "compare"
    page.keyboard.press("Enter")
    expect_state(page, tab="gallery", shown="right", **{"class": "Arla-Mjölk"})
    expect(page.locator(".tile")).to_have_count(6)


def test_confusion_leads_to_what_tells_the_two_apart(page: Page, address: str) -> None:
    open_page(page, address, "?tab=compare&compare=confusion&model=score_fusion")
    page.locator(".mistakes tr", has_text="Oat & <i>Rye</i>").get_by_text("what tells them apart").click()
    expect_state(page, tab="global", scope="model", pair="Oat & <i>Rye</i>~Zeta-Juice")
    expect(page.get_by_label("Pair")).to_have_value("Oat & <i>Rye</i>~Zeta-Juice")
