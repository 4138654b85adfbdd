"""What a visitor does, in the words of the tests."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, expect

SLOTS = {
    "Overview": "overview",
    "Single Sample": "sample",
    "Gallery": "gallery",
    "Global": "global",
    "Compare": "compare",
    "Search": "search",
}


def open_page(page: Page, address: str, query: str = "") -> None:
    """Open an address and wait for the tab that it names, Single Sample where it names none."""
    if "tab" not in parse_qs(query.lstrip("?")):
        query = f"?tab=sample&{query.lstrip('?')}"
    page.goto(f"{address}/{query}")
    slot = parse_qs(query.lstrip("?"))["tab"][0]
    expect(page.locator(f"[data-slot={slot}] :is(h2, h3)").first).to_be_visible()
    expect(page.get_by_role("combobox", name="Class")).not_to_have_value("")


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()
    expect(page.locator(f"[data-slot={SLOTS[name]}] :is(h2, h3)").first).to_be_visible()


def choose(page: Page, dropdown: str, typed: str) -> None:
    """Search in a dropdown as one types, and take the first hit; the list may still be that of another database."""
    box = page.get_by_role("combobox", name=dropdown)
    box.click()
    box.press_sequentially(typed)
    page.get_by_role("option", name=typed).first.click()


def state(page: Page) -> dict[str, str]:
    """What stands in the address."""
    return {key: values[0] for key, values in parse_qs(urlsplit(page.url).query).items()}


def expect_state(page: Page, **expected: str) -> None:
    page.wait_for_function(
        "expected => Object.entries(expected).every(([key, value]) => "
        "new URLSearchParams(location.search).get(key) === value)",
        arg=expected,
    )


def eventually(page: Page, holds: Callable[[], bool]) -> None:
    """Wait for what the test itself sees; the page goes on meanwhile."""
    for _ in range(400):
        if holds():
            return
        page.wait_for_timeout(50)
    raise AssertionError("not within 20 s")


def pictures_are_painted(page: Page, selector: str) -> None:
    """All pictures there have arrived and hold pixels."""
    page.wait_for_function(
        "selector => { const all = [...document.querySelectorAll(selector)]; "
        "return all.length > 0 && all.every(image => image.complete && image.naturalWidth > 0) }",
        arg=selector,
    )


def sheets_are_painted(page: Page, selector: str) -> None:
    """All pictures there that are cut out of a sheet have a size, and their sheets hold pixels."""
    page.wait_for_function(
        """async selector => {
            const all = [...document.querySelectorAll(selector)];
            const shown = all.filter(one => one.offsetWidth && one.style.backgroundImage);
            const addresses = shown.map(one => one.style.backgroundImage.slice(5, -2));
            const sheets = addresses.map(src => Object.assign(new Image(), { src }));
            await Promise.all(sheets.map(sheet => sheet.decode()));
            return all.length > 0 && shown.length === all.length && sheets.every(sheet => sheet.naturalWidth > 0);
        }""",
        arg=selector,
    )
