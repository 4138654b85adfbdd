"""axe-core finds no serious violation of WCAG on any tab, in light and in dark."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.steps import open_page

pytestmark = pytest.mark.browser

PAGES = {
    "overview": "?tab=overview",
    "sample": "?tab=sample&against=1&model=score_fusion",
    "mistaken sample": "?tab=sample&class=Zeta-Juice&sample=test/Zeta-Juice/x_001.jpg",
    "gallery": "?tab=gallery",
    "global": "?tab=global&open=image-1&model=score_fusion",
    "whole model": "?tab=global&scope=model&open=paper&model=score_fusion",
    "search": "?tab=search&q=mjölk",
    "nothing found": "?tab=search&q=nosuchword",
}
SERIOUS = ("serious", "critical")


def _told(violation: dict[str, Any]) -> str:
    places = "; ".join(f"{node['target'][-1]} {node['failureSummary']}" for node in violation["nodes"][:3])
    return f"{violation['id']}: {violation['help']} ({len(violation['nodes'])} places) {places}"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_no_serious_violation(page: Page, address: str, name: str, theme: str) -> None:
    page.emulate_media(reduced_motion="reduce")
    open_page(page, address, f"{PAGES[name]}&__theme={theme}")
    page.wait_for_function("dark => document.body.classList.contains('dark') === dark", arg=theme == "dark")
    found = Axe().run(page).response["violations"]
    assert [_told(violation) for violation in found if violation["impact"] in SERIOUS] == []
