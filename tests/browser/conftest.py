"""A real server on the example database, and headless Chromium."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.example_database import build
from tests.system import installed_browser

PROJECT = Path(__file__).parent.parent.parent
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_SECONDS = 300

expect.set_options(timeout=20_000)  # a busy machine may take long to show the first page


@contextmanager
def served(*options: str, folder: Path = PROJECT) -> Iterator[str]:
    """The address of `python -m app` with these options on a free port; `folder` holds its code."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "app", *options, "--port", str(port)]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(process, address)
        yield address
    finally:
        process.terminate()
        process.communicate(timeout=20)


def _wait(process: subprocess.Popen[str], address: str) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            pytest.fail(f"the server ended: {process.communicate()[0]}")
        try:
            httpx.get(f"{address}/page-files/x/page.js")
        except httpx.TransportError:
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"the server did not answer within {START_SECONDS} s")


@pytest.fixture(scope="session")
def database_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("served") / "example.db"
    build(f"sqlite:///{path}", samples=8)
    return path


@pytest.fixture(scope="session")
def address(database_file: Path) -> Iterator[str]:
    """One server that the tests share; it keeps no state of theirs."""
    with served("--db", f"sqlite:///{database_file}") as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = installed_browser()
    if path is None:
        pytest.skip("no browser: apt-get install chromium, or python -m playwright install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


class Watch:
    """What a page must not do: complain in the console, fail, or ask another host."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.faults: list[str] = []
        context.on("console", lambda message: message.type == "error" and self.faults.append(message.text))
        context.on("weberror", lambda error: self.faults.append(str(error.error)))
        context.on("response", lambda answer: answer.status >= 400 and self.faults.append(answer.url))
        context.on(
            "request",
            lambda request: request.url.startswith((address, "data:", "blob:")) or self.faults.append(request.url),
        )


@pytest.fixture
def context(browser: Browser, address: str) -> Iterator[BrowserContext]:
    """A new browser session; at its end nothing may have gone wrong in it."""
    with watched(browser, address) as context:
        yield context


@contextmanager
def watched(browser: Browser, address: str) -> Iterator[BrowserContext]:
    """A browser session that is checked when it ends."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    watch = Watch(context, address)
    yield context
    context.close()
    assert watch.faults == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    page = context.new_page()
    page.set_default_timeout(20_000)
    return page
