"""The page's address: written and read by the page's scripts, read by the server, shared between visitors."""

from __future__ import annotations

import random
from typing import Any
from urllib.parse import parse_qsl

import pytest
from playwright.sync_api import Page, expect

from app.view_state import ViewState, page_table, read_state
from tests.browser.steps import open_page

pytestmark = pytest.mark.browser

TABLE = page_table()
NAMES = ["a", "A & B", "ä/ö?=", "7", " x ", "image-12.text-3"]
RANGES = ["0-0.05", "0.5-1", "0.25-0.75"]
SCRIPT = """async (states) => {
  const { readState, writeState } = await import(new URL(document.querySelector('link[href$="address.js"]').href));
  return states.map((state) => { const text = writeState(state); return [text, readState(text)]; });
}"""
READ = """async (queries) => {
  const { readState } = await import(new URL(document.querySelector('link[href$="address.js"]').href));
  return queries.map((query) => readState(query));
}"""


def random_state(generator: random.Random) -> dict[str, Any]:
    kinds: dict[str, Any] = {
        "name": lambda field: generator.choice([None, *NAMES]),
        "range": lambda field: generator.choice([None, *RANGES]),
        "choice": lambda field: generator.choice([field["initial"], *field["allowed"]]),
        "share": lambda field: generator.randrange(101) / 100,
        "flag": lambda field: generator.random() < 0.5,
    }
    state = {key: kinds[field["kind"]](field) for key, field in TABLE.items()}
    return {**state, "tab": generator.choice(TABLE["tab"]["allowed"])}


def test_reading_what_was_written_gives_the_same_state_in_the_page_and_on_the_server(page: Page, address: str) -> None:
    generator = random.Random(0)
    states = [random_state(generator) for _ in range(200)]
    open_page(page, address)
    for state, (text, read) in zip(states, page.evaluate(SCRIPT, states), strict=True):
        assert read == state
        served = read_state(dict(parse_qsl(text.lstrip("?"))))
        assert served.label == state["class"] and served.asked == state["q"]
        for name in ("db", "shown", "split", "within", "rival", "word", "sort", "scope", "compare", "map"):
            assert getattr(served, name) == state[name]
        assert served.explained_class == state["about"]
        if state["share"] is not None:
            assert served.image_share == tuple(float(limit) for limit in state["share"].split("-"))
    assert page.evaluate(SCRIPT, [page.evaluate(READ, [""])[0]])[0][0] == "?", "defaults are left out"
    assert read_state({}) == ViewState()


def test_what_is_missing_or_malformed_falls_back_and_numbers_are_held_in_their_range(page: Page, address: str) -> None:
    open_page(page, address)
    texts = ["0.35", "7", "-1", "nan", "x", ""]
    read = page.evaluate(READ, [f"?threshold={text}" for text in texts])
    assert [state["threshold"] for state in read] == [0.35, 1, 0, 0.2, 0.2, 0.2]
    (state,) = page.evaluate(READ, ["?tab=nope&layer=x&shown=y&split=z&signed=yes&other=1"])
    assert state == {**{key: field["initial"] for key, field in TABLE.items()}, "tab": "overview"}


@pytest.mark.parametrize(
    ("query", "tab"),
    [
        ("", "overview"),
        ("?model=embracenet", "overview"),
        ("?class=Zeta-Juice", "sample"),
        ("?sample=test/Zeta-Juice/x_001.jpg", "sample"),
        ("?class=Zeta-Juice&tab=overview", "overview"),
    ],
)
def test_an_address_without_a_tab_opens_on_the_overview_or_the_sample(
    page: Page, address: str, query: str, tab: str
) -> None:
    page.goto(f"{address}/{query}")
    expect(page.locator(f"[data-slot={tab}] :is(h2, h3)").first).to_be_visible()


def test_addresses_of_older_pages_open_the_same_view(page: Page, address: str) -> None:
    """Every field spelled out, as a link of an earlier version has it."""
    old = (
        "?db=example&model=score_fusion&class=Zeta-Juice&tab=gallery&threshold=0.4&opacity=0.5&signed=1&colours=cividis"
        "&layer=text&shown=confused&split=test&within=class&rival=Arla-Mj%C3%B6lk&sort=unsure&scope=class&compare=sample"
    )
    page.goto(f"{address}/{old}")
    expect(page.locator("[data-slot=gallery] .tile")).to_have_count(1)
    expect(page.get_by_label("Hide importances below").first).to_have_value("0.4")
    expect(page.locator("input[name=layer][value=text]")).to_be_checked()
    expect(page.locator("select[data-state=rival]")).to_have_value("Arla-Mjölk")
