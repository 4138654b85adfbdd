"""Fragments of the page as tests ask for them: the elements and text of what /view answers."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI
from starlette.testclient import TestClient

from app.databases import open_databases
from app.routes.view import view_router


class Elements(HTMLParser):
    """Collects what a browser would make of a fragment."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def attributes(self, name: str) -> list[str]:
        return [value for _, attributes in self.tags if (value := attributes.get(name)) is not None]


def fragment(client: TestClient, slot: str, **query: str) -> tuple[Elements, dict[str, Any]]:
    answer = client.get(f"/view/{slot}?{urlencode(query)}")
    assert answer.status_code == 200
    body = answer.json()
    return Elements(body["html"]), body["state"]


def client_of(url: str) -> TestClient:
    server = FastAPI()
    server.include_router(view_router(open_databases([url]), None))
    return TestClient(server)
