"""The example database, opened as the browser opens it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.databases import Library, open_libraries
from app.routes.media import media_router
from app.routes.view import view_router
from tests.example_database import build


@pytest.fixture(scope="session")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Library]:
    url = f"sqlite:///{tmp_path_factory.mktemp('browser') / 'example.db'}"
    build(url)
    return open_libraries([url])


@pytest.fixture(scope="session")
def library(libraries: dict[str, Library]) -> Library:
    return libraries["example"]


@pytest.fixture(scope="session")
def client(libraries: dict[str, Library]) -> Iterator[TestClient]:
    """The routes without Gradio."""
    server = FastAPI()
    server.include_router(media_router(libraries))
    server.include_router(view_router(libraries, None))
    with TestClient(server) as client:
        yield client
