"""The example database, opened as the browser opens it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.databases import Database, open_databases
from app.routes.media import media_router
from app.routes.view import view_router
from tests.example_database import build


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Database]:
    url = f"sqlite:///{tmp_path_factory.mktemp('browser') / 'example.db'}"
    build(url)
    return open_databases([url])


@pytest.fixture(scope="session")
def database(databases: dict[str, Database]) -> Database:
    return databases["example"]


@pytest.fixture(scope="session")
def client(databases: dict[str, Database]) -> Iterator[TestClient]:
    """The routes without Gradio."""
    server = FastAPI()
    server.include_router(media_router(databases))
    server.include_router(view_router(databases, None))
    with TestClient(server) as client:
        yield client
