"""Short answers before long drawings."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.web import render_queue as turns
from app.web.render_queue import Turns, TurnsMiddleware


def test_a_drawing_waits_for_the_short_answers_under_way() -> None:
    found = Turns()
    found.begin()
    drawn: list[int] = []
    drawing = threading.Thread(target=lambda: drawn.extend(found.politely(range(3))))
    drawing.start()
    drawing.join(0.1)
    assert drawn == []
    found.end()
    drawing.join(5)
    assert drawn == [0, 1, 2]


def test_a_drawing_ends_although_short_answers_never_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE_SECONDS", 0.1)
    found = Turns()
    found.begin()
    began = time.monotonic()
    assert list(found.politely(range(50))) == list(range(50))
    assert time.monotonic() - began >= 0.1


def test_what_is_asked_for_last_is_drawn_first() -> None:
    found = Turns()
    order: list[str] = []
    early = found.politely(range(2))
    order.append(f"early {next(early)}")
    late = found.politely(range(2))
    order.append(f"late {next(late)}")
    rest = threading.Thread(target=lambda: order.extend(f"early {item}" for item in early))
    rest.start()
    rest.join(0.1)
    assert order == ["early 0", "late 0"]
    order.extend(f"late {item}" for item in late)
    rest.join(5)
    assert order == ["early 0", "late 0", "late 1", "early 1"]


def test_a_drawing_that_fails_holds_up_nobody() -> None:
    found = Turns()
    broken = found.politely(iter([0, 1]))
    assert next(broken) == 0
    del broken
    began = time.monotonic()
    assert list(found.politely([1])) == [1]
    early = found.politely([1, 2])
    next(early)

    def failing() -> Iterator[int]:
        raise ValueError
        yield 0

    with pytest.raises(ValueError):
        list(found.politely(failing()))
    assert list(early) == [2]
    assert time.monotonic() - began < turns.PATIENCE_SECONDS


@pytest.mark.parametrize(
    ("path", "short"),
    [
        ("/view/gallery", True),
        ("/media/example/x/sprite", True),
        ("/media/example/x/parts/text", False),
        ("/media/example/x/heat-sheet/image", False),
        ("/gradio_api/heartbeat", False),
    ],
)
def test_short_answers_are_counted_and_drawings_are_not(path: str, short: bool) -> None:
    found, server, under_way = Turns(), FastAPI(), []
    server.add_api_route(path, lambda: under_way.append(list(found.politely([1])) and found._short))
    server.add_middleware(TurnsMiddleware, turns=found)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(turns, "PATIENCE_SECONDS", 0)
        TestClient(server).get(path)
    assert under_way == [int(short)]
    assert found._short == 0
