"""What a visitor does, and how long each picture takes to be painted: of this browser, and of the naive page."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

SCRIPT = Path(__file__).with_name("painted.js")
SIZE = {"width": 1440, "height": 900}
DWELL_MS = 400
"""A visitor looks at a picture before asking for the next; meanwhile the page fetches the neighbours."""
THUMBNAILS = 50
LETTERS = 4
"""Of the words that are looked for, at least."""


class Visit:
    """A page whose paintings are timed; all figures are milliseconds."""

    def __init__(self, page: Page, address: str, names: Sequence[str], seed: int = 0) -> None:
        self.page, self.address = page, address
        self._names = itertools.cycle(random.Random(seed).sample(names, len(names)))

    def first(self, query: str, **awaited: Any) -> float:
        """Open the address in this page, which has not been there before."""
        self.page.add_init_script(f"{SCRIPT.read_text()}\nbench.wait({{opened: true, ...{_json(awaited)}}});")
        self.page.goto(f"{self.address}/{query}", wait_until="commit")
        return self._answer()

    def act(self, action: Callable[[], object], dwell: float = DWELL_MS, **awaited: Any) -> float:
        """Do something and wait for what it shows."""
        self.page.wait_for_timeout(dwell)
        self.page.evaluate("awaited => bench.wait(awaited)", awaited)
        action()
        return self._answer()

    def text(self, selector: str) -> str:
        return str(self.page.evaluate("selector => bench.text(selector)", selector))

    def any_class(self) -> str:
        """The name of a class as the list of classes has it, one after the other in a mixed order."""
        return next(self._names)

    def pick_class(self, name: str) -> Callable[[], None]:
        """Looks a class up in the list of classes; the click on it is left to the returned function."""
        box = self.page.get_by_role("combobox", name="Class")
        box.click()
        box.press("Control+a")
        box.press_sequentially(name)
        option = self.page.get_by_role("option", name=name).first
        option.wait_for()
        return option.click

    def _answer(self) -> float:
        return float(self.page.evaluate("() => bench.answer"))


def _json(values: dict[str, Any]) -> str:
    return json.dumps(values)


@contextmanager
def visit(browser: Browser, address: str, names: Sequence[str]) -> Iterator[Visit]:
    """A new browser session: nothing is known from earlier visits."""
    context = browser.new_context(viewport=SIZE)
    page = context.new_page()
    page.set_default_timeout(30_000)
    yield Visit(page, address, names)
    context.close()


SAMPLE = {"selector": "[data-slot=sample] .path", "root": "[data-slot=sample] .explanation", "count": 6}
LANDING = {"selector": "[data-slot=overview] h3", "root": "[data-slot=overview]"}
SAMPLE_TAB = "?tab=sample"
GALLERY = {"selector": "[data-slot=gallery] h2", "root": "[data-slot=gallery]", "everywhere": True}
TABS = {
    "gallery": {"selector": "[data-slot=gallery] h2", "root": "[data-slot=gallery]", "count": THUMBNAILS},
    "global": {"selector": "[data-slot=global] h2", "root": "[data-slot=global]", "count": 5},
    "overview": LANDING,
    "sample": SAMPLE,
}


class ShelfLens:
    """The visits to `python -m app`; `words` are looked for, each once."""

    module = "app"

    def __init__(self, words: Sequence[str] = ()) -> None:
        self._words = words

    def first_page(self, browser: Browser, address: str, names: Sequence[str]) -> float:
        with visit(browser, address, names) as one:
            return one.first("", **LANDING)

    def first_sample(self, browser: Browser, address: str, names: Sequence[str]) -> float:
        """A link to Single Sample, in a new browser."""
        with visit(browser, address, names) as one:
            return one.first(SAMPLE_TAB, **SAMPLE)

    def measure(self, browser: Browser, address: str, names: Sequence[str], times: int) -> dict[str, list[float]]:
        """Each action so many times, every time on something that this browser has not shown yet."""
        with visit(browser, address, names) as one:
            one.first(SAMPLE_TAB, **SAMPLE)
            found = {"next sample": [self.next_sample(one) for _ in range(times)]}
            one.page.locator("[data-tab-id=gallery]").click()
            for layer in ("photograph", "multimodal"):
                one.page.locator(f"input[name=layer][value={layer}]").check(force=True)
                found[f"class change, {layer}"] = [self.other_class(one) for _ in range(times)]
            found["tab change"] = [took for _ in range(times // 4 + 1) for took in self.round_of_tabs(one)]
            if self._has(one, "compare"):
                found["compare 3 models"] = [self.compare(one) for _ in range(times)]
            if self._has(one, "search"):
                found["search"] = [self.search(one, word) for word in self._words]
        return found

    def next_sample(self, one: Visit, dwell: float = DWELL_MS) -> float:
        """A step along the strip; at its end, another class is taken first."""
        if one.page.get_by_role("button", name="Next sample").is_disabled():
            one.act(one.pick_class(one.any_class()), **self._other(one, SAMPLE))
        return one.act(lambda: one.page.keyboard.press("ArrowRight"), dwell, **self._other(one, SAMPLE))

    def other_class(self, one: Visit, dwell: float = DWELL_MS) -> float:
        """Another class in the gallery: its 50 thumbnails, in the chosen view."""
        choose = one.pick_class(one.any_class())
        return one.act(choose, dwell, **self._other(one, GALLERY), count=THUMBNAILS)

    def round_of_tabs(self, one: Visit) -> list[float]:
        """Through all tabs of a class that has not been shown; the sample tab comes last."""
        one.page.locator("[data-tab-id=sample]").click()
        one.act(one.pick_class(one.any_class()), **self._other(one, SAMPLE))
        return [
            one.act(one.page.locator(f"[data-tab-id={tab}]").click, **awaited)
            for tab, awaited in self._tabs(one).items()
        ]

    def _tabs(self, one: Visit) -> dict[str, dict[str, Any]]:
        title = one.page.get_by_role("combobox", name="Class").input_value().split(" · ")[0]
        wanted = {"gallery": {"wanted": title}, "global": {"wanted": title}}
        return {tab: {**awaited, **wanted.get(tab, {})} for tab, awaited in TABS.items()}

    def compare(self, one: Visit) -> float:
        """The compare tab of a sample that has not been shown."""
        self._to_samples(one)
        self.next_sample(one, 0)
        root = "[data-slot=compare]"
        path = one.text(SAMPLE["selector"])
        click = one.page.locator("[data-tab-id=compare]").click
        return one.act(click, selector=f"{root} .path", wanted=path, root=root, count=6)

    def search(self, one: Visit, word: str) -> float:
        """A word, typed and sent; half of them misspelt."""
        if one.page.locator("[data-tab-id=search]").get_attribute("aria-selected") != "true":
            one.page.locator("[data-tab-id=search]").click()
        field = one.page.get_by_role("searchbox")
        field.fill("")
        field.press_sequentially(word[:-1])
        last = word[-1]
        return one.act(
            lambda: one.page.keyboard.press(last),
            selector="[data-slot=search] h2",
            wanted=word,
            root="[data-slot=search]",
        )

    def wander(self, one: Visit, actions: int) -> None:
        """So many actions of all kinds, one after the other, without a pause."""
        for number in range(actions):
            if number % 10 == 0:
                one.page.locator("[data-tab-id=gallery]").click()
                self.other_class(one, 0)
            elif number % 10 == 1:
                one.page.locator("[data-tab-id=global]").click()
            elif number % 10 == 2:
                self._to_samples(one)
            else:
                self.next_sample(one, 0)

    def _to_samples(self, one: Visit) -> None:
        """And off the tab, where the arrow keys belong to the tabs."""
        one.page.locator("[data-tab-id=sample]").click()
        one.page.locator(SAMPLE["selector"]).click()

    def _other(self, one: Visit, awaited: dict[str, Any]) -> dict[str, Any]:
        return {**awaited, "unwanted": one.text(awaited["selector"])}

    def _has(self, one: Visit, tab: str) -> bool:
        return one.page.locator(f"[data-tab-id={tab}]").count() > 0


NAIVE_SAMPLE = {"selector": "#path", "root": "#views", "count": 4}
NAIVE_GALLERY = {"selector": "#title", "root": "#grid", "count": THUMBNAILS, "everywhere": True}


class Naive:
    """The visits to the naive page; one tab is shown at a time, so each has its own session."""

    module = "tests.benchmarks.browse.naive"

    def first_page(self, browser: Browser, address: str, names: Sequence[str]) -> float:
        with visit(browser, address, names) as one:
            return one.first("", **NAIVE_SAMPLE)

    def measure(self, browser: Browser, address: str, names: Sequence[str], times: int) -> dict[str, list[float]]:
        with visit(browser, address, names) as one:
            one.first("", **NAIVE_SAMPLE)
            found = {"next sample": [self.next_sample(one) for _ in range(times)]}
            one.page.get_by_role("tab", name="Gallery").click()
            one.page.wait_for_timeout(3000)
            for layer in ("photograph", "multimodal"):
                one.page.get_by_role("radio", name=layer).check()
                one.page.wait_for_timeout(3000)
                found[f"class change, {layer}"] = [self.other_class(one) for _ in range(times)]
        return found

    def next_sample(self, one: Visit, dwell: float = DWELL_MS) -> float:
        press = one.page.get_by_role("button", name="Next sample").click
        return one.act(press, dwell, **NAIVE_SAMPLE, unwanted=one.text("#path"), fresh=True)

    def other_class(self, one: Visit, dwell: float = DWELL_MS) -> float:
        choose = one.pick_class(one.any_class())
        return one.act(choose, dwell, **NAIVE_GALLERY, unwanted=one.text("#title"), fresh=True)


def asked_words(vocabulary: Mapping[str, int], times: int) -> list[str]:
    """The most common words of the packs, each once, every other one with a letter too many."""
    long = (word for word in vocabulary if word.isalpha() and len(word) >= LETTERS)
    known = sorted(long, key=lambda word: -vocabulary[word])
    return [word + "x" * (number % 2) for number, word in enumerate(known[:times])]
