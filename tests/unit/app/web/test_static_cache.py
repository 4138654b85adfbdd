"""Files from memory, and the scripts that the page brings along."""

from __future__ import annotations

from pathlib import Path

import gradio
import pytest
from fastapi import FastAPI, HTTPException, Response
from starlette.testclient import TestClient

from app.routes.media import FOREVER
from app.web import static_cache
from app.web.head_injection import HeadInjectionMiddleware
from app.web.page import page_version
from app.web.server import make_server
from app.web.static_cache import StaticCacheMiddleware

BODY = b"let x = 1; " * 300


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def client(asked: list[str]) -> TestClient:
    server = FastAPI()

    @server.get("/{path:path}")
    def anything(path: str) -> Response:
        asked.append(path)
        if path.endswith("missing.js"):
            raise HTTPException(404)
        lasting = {"Cache-Control": FOREVER if "now" in path else "no-cache"} if path.startswith("page-files") else {}
        return Response(BODY, media_type="text/javascript", headers=lasting)

    server.add_middleware(StaticCacheMiddleware)
    return TestClient(server)


def test_file_is_asked_for_once_and_given_whole(client: TestClient, asked: list[str]) -> None:
    for encoding in ("gzip", "identity", "gzip, br"):
        answer = client.get("/assets/a-1234.js", headers={"Accept-Encoding": encoding})
        assert answer.content == BODY
        assert answer.headers.get("content-encoding") == ("gzip" if "gzip" in encoding else None)
        assert answer.headers["cache-control"] == FOREVER
        assert answer.headers["vary"] == "Accept-Encoding"
    assert asked == ["assets/a-1234.js"]


def test_what_may_change_or_is_not_there_is_asked_for_again(client: TestClient, asked: list[str]) -> None:
    for path in ("/page-files/old/page.js", "/assets/missing.js", "/view/sample"):
        answers = [client.get(path) for _ in range(2)]
        assert answers[0].status_code == answers[1].status_code == (404 if "missing" in path else 200)
        assert asked.count(path[1:]) == 2
    assert [client.get("/page-files/now/page.js").content for _ in range(2)] == [BODY, BODY]
    assert asked.count("page-files/now/page.js") == 1


def test_memory_has_a_bound(client: TestClient, asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static_cache, "MAX_FILES", 1)
    for path in ("/assets/one.js", "/assets/two.js"):
        assert [client.get(path).content for _ in range(2)] == [BODY, BODY]
    assert asked == ["assets/one.js", "assets/two.js", "assets/two.js"]


def test_elements_are_written_into_the_page_alone() -> None:
    server = FastAPI()

    @server.get("/{path:path}")
    def page() -> Response:
        return Response("<html><head><title>é</title></head><body></head></body></html>", media_type="text/html")

    server.add_middleware(HeadInjectionMiddleware, elements="<link>")
    client = TestClient(server)
    assert client.get("/").text == "<html><head><title>é</title><link></head><body></head></body></html>"
    assert "<link>" not in client.get("/other").text
    assert client.head("/").status_code == 405


def test_the_real_page_brings_its_scripts_and_gradio_s_files_arrive_unharmed() -> None:
    client = TestClient(make_server({}))
    script = f'<script type="module" async src="page-files/{page_version()}/page.js"></script>'
    for encoding in ("gzip, deflate, br", "identity"):
        page = client.get("/", headers={"Accept-Encoding": encoding}).text
        head, body = page.split("</head>", 1)
        assert script in head and script not in body
    folder = Path(gradio.__file__).parent / "templates" / "frontend" / "assets"
    largest = sorted(folder.glob("index-*.js"), key=lambda file: file.stat().st_size)[-1]
    for encoding in ("br", "gzip", "identity"):
        answer = client.get(f"/assets/{largest.name}", headers={"Accept-Encoding": encoding})
        assert answer.content == largest.read_bytes()
