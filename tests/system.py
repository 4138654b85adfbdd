"""Finds the browser that the tests drive, or has Playwright fetch one where that can be done."""

from __future__ import annotations

import shutil
import subprocess
import sys

from playwright.sync_api import Error, sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def installed_browser() -> str | None:
    """The path of a Chromium: the system's, else Playwright's own."""
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
        try:
            playwright.chromium.launch(args=["--no-sandbox"]).close()
        except Error:
            return None
        return path


def main() -> None:
    """Say which browser the tests will use; a missing one is fetched if the network allows it."""
    if installed_browser() is None:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    print(f"browser for the tests: {installed_browser() or 'none; install chromium to run the browser tests'}")


if __name__ == "__main__":
    main()
