"""Answers that come late or not at all, and browsers that keep nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.steps import choose, eventually, expect_state, open_page, open_tab, state

pytestmark = pytest.mark.browser

NO_STORAGE = "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no') } })"


@contextmanager
def held(page: Page, address: re.Pattern[str]) -> Iterator[None]:
    """Answers at this address come at the end, after all that was asked for meanwhile."""
    routes: list[Route] = []
    page.route(address, lambda route: routes.append(route))
    yield
    assert routes
    for route in routes:
        with page.expect_response(route.request.url):
            route.continue_()
    page.unroute(address)
    page.wait_for_timeout(200)


def test_late_answer_for_a_tab_that_was_left_changes_nothing(page: Page, address: str) -> None:
    open_page(page, address)
    with held(page, re.compile("/view/(sample|strip).*class=Zeta")):
        choose(page, "Class", "zeta")
        expect_state(page, **{"class": "Zeta-Juice"})
        page.get_by_role("tab", name="Gallery").click()
        expect(page.locator("[data-slot=gallery] h2")).to_have_text("Zeta-Juice")
        choose(page, "Class", "arla")
        expect(page.locator("[data-slot=gallery] h2")).to_contain_text("Arla")
        shown = state(page)
    assert state(page) == shown
    open_tab(page, "Single Sample")
    expect(page.locator(".verdict")).to_contain_text("Arla")


def test_late_list_of_classes_of_another_model_is_not_shown(page: Page, address: str) -> None:
    open_page(page, address)
    late: list[Route] = []
    page.route(re.compile("/view/choices.*model=score"), lambda route: late.append(route))
    title = page.title()
    choose(page, "Model", "score")
    expect_state(page, model="score_fusion")
    choose(page, "Model", "feature")
    expect_state(page, model="feature_concatenation")
    answer = late[0].fetch()
    with page.expect_response(late[0].request.url):
        late[0].fulfill(response=answer, json={**answer.json(), "title": "late"})
    page.wait_for_timeout(200)
    assert page.title() == title


def test_typing_asks_for_one_search_at_a_time_and_ends_with_what_is_written(page: Page, address: str) -> None:
    open_page(page, address, "?tab=search")
    asked: list[str] = []
    page.on("request", lambda request: "/view/search" in request.url and asked.append(request.url))
    with held(page, re.compile("/view/search.*q=m($|&)")):
        page.get_by_role("searchbox").press_sequentially("mjölk")
        eventually(page, lambda: bool(asked))
        page.wait_for_timeout(200)
        assert len(asked) == 1
    expect_state(page, q="mjölk")
    expect(page.locator("[data-slot=search] h2")).to_contain_text("mjölk")
    assert len(asked) == 2


def test_browser_that_keeps_nothing_still_shows_everything(page: Page, address: str) -> None:
    page.add_init_script(NO_STORAGE)
    open_page(page, address)
    expect(page.locator(".verdict")).to_be_visible()
    page.get_by_role("button", name="Light or dark page").click()
    expect(page.locator("body")).to_have_class(re.compile("dark"))


def test_focus_stays_in_the_tab_when_its_control_goes_away(page: Page, address: str) -> None:
    open_page(page, address, "?tab=gallery&split=all&share=0-1")
    page.locator("[data-slot=gallery] [data-clear]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-slot=gallery] [data-clear]")).to_have_count(0)
    expect(page.locator("[data-slot=gallery]")).to_be_focused()
