"""Several databases, several servers, passwords."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import served, watched
from tests.browser.steps import choose, expect_state, open_page
from tests.example_database import build

pytestmark = pytest.mark.browser


def test_two_databases_are_chosen_by_name(browser: Browser, database_file: Path, tmp_path: Path) -> None:
    build(f"sqlite:///{tmp_path / 'second.db'}", classes=4)
    with (
        served("--db", f"sqlite:///{database_file}", "--db", f"sqlite:///{tmp_path / 'second.db'}") as address,
        watched(browser, address) as context,
    ):
        page = context.new_page()
        open_page(page, address, "?class=Zeta-Juice&threshold=0.3")
        choose(page, "Database", "second")
        expect_state(page, db="second", threshold="0.3", **{"class": "Zeta-Juice"})
        choose(page, "Class", "class-003")
        expect(page.locator(".path")).to_contain_text("class-003")


def test_two_servers_on_one_file_open_on_their_own_models(browser: Browser, database_file: Path) -> None:
    url = f"sqlite:///{database_file}"
    with (
        served("--db", url, "--model", "score_fusion") as first,
        served("--db", url, "--model", "embracenet") as second,
    ):
        for address, model in ((first, "score_fusion"), (second, "embracenet")):
            with watched(browser, address) as context:
                page = context.new_page()
                open_page(page, address)
                expect_state(page, model=model)
                expect(page.get_by_role("combobox", name="Model")).to_have_value(re.compile(f"^{model}"))


def test_password_is_asked_for_everywhere(browser: Browser, database_file: Path, tmp_path: Path) -> None:
    users = tmp_path / "users"
    users.write_text("anna:mjölk\n", encoding="utf-8")
    users.chmod(0o600)
    with served("--db", f"sqlite:///{database_file}", "--auth", str(users)) as address:
        for path in ("/", "/view/sample", "/config", "/page-files/x/page.js", "/gradio_api/info"):
            assert httpx.get(address + path).status_code == 401
        context = browser.new_context(http_credentials={"username": "anna", "password": "mjölk"})
        page = context.new_page()
        open_page(page, address)
        context.close()
