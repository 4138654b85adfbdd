"""Long drawings let short answers and later drawings go first: one interpreter works at all of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from starlette.types import ASGIApp, Receive, Scope, Send

Item = TypeVar("Item")

ROUTES = ("/view/", "/media/")
DRAWINGS = ("/parts/", "/heat-sheet/")
PATIENCE_SECONDS = 0.5
"""A drawing waits no longer than that in all, however much else is asked for."""


class Turns:
    """How many short answers are under way, and which drawings. Safe for threads."""

    def __init__(self) -> None:
        self._short = 0
        self._drawings: list[object] = []
        self._free = threading.Condition()

    def begin(self) -> None:
        """A short answer is asked for."""
        with self._free:
            self._short += 1

    def end(self) -> None:
        """It is given."""
        with self._free:
            self._short -= 1
            self._free.notify_all()

    def politely(self, items: Iterable[Item]) -> Iterator[Item]:
        """The same items, each after the short answers that are under way and the drawings that were begun since."""
        left, mine = PATIENCE_SECONDS, object()
        with self._free:
            self._drawings.append(mine)
        try:
            for item in items:
                if left > 0:
                    since = time.monotonic()
                    with self._free:
                        self._free.wait_for(lambda: not self._short and self._drawings[-1] is mine, left)
                    left -= time.monotonic() - since
                yield item
        finally:
            with self._free:
                self._drawings.remove(mine)
                self._free.notify_all()


TURNS = Turns()
"""Those of this server."""


class TurnsMiddleware:
    """Counts the answers of /view and /media, but for the drawings of many parts."""

    def __init__(self, app: ASGIApp, turns: Turns) -> None:
        self._app, self._turns = app, turns

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        path = scope.get("path", "")
        if scope["type"] != "http" or not path.startswith(ROUTES) or any(drawing in path for drawing in DRAWINGS):
            await self._app(scope, receive, send)
            return
        self._turns.begin()
        try:
            await self._app(scope, receive, send)
        finally:
            self._turns.end()
