"""Long drawings one at a time, short answers meanwhile."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from fastapi import FastAPI
from starlette.testclient import TestClient

from app.web.render_limit import one_at_a_time


def test_drawings_wait_for_each_other_and_short_answers_for_none() -> None:
    server, going, most, begun, release = FastAPI(), [0], [0], threading.Event(), threading.Event()

    @server.get("/sheet/{name}")
    @one_at_a_time
    def sheet(name: str, side: int = 1) -> str:
        going[0] += 1
        most[0] = max(most[0], going[0])
        begun.set()
        release.wait(20)
        going[0] -= 1
        return f"{name} {side}"

    @server.get("/short")
    def short() -> str:
        return "short"

    with TestClient(server) as client, ThreadPoolExecutor(4) as visitors:
        sheets = [visitors.submit(client.get, f"/sheet/{name}?side=2") for name in "abc"]
        assert begun.wait(20)
        assert client.get("/short").json() == "short", "while a sheet is drawn and two wait"
        release.set()
        assert [sheet.result().json() for sheet in sheets] == ["a 2", "b 2", "c 2"]
    assert most == [1]


def test_drawing_that_fails_makes_way_for_the_next() -> None:
    server = FastAPI()

    @server.get("/sheet")
    @one_at_a_time
    def sheet(fail: bool) -> str:
        if fail:
            raise ValueError("broken picture")
        return "drawn"

    with TestClient(server, raise_server_exceptions=False) as client:
        assert client.get("/sheet?fail=1").status_code == 500
        assert client.get("/sheet?fail=0").json() == "drawn"
