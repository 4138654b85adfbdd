"""The web server: own routes first, Gradio mounted behind them; ports and passwords."""

from __future__ import annotations

import app.web.gradio_import  # noqa: F401

# isort: split
from collections.abc import Mapping
from pathlib import Path

import gradio as gr
from fastapi import FastAPI, HTTPException, Response
from fastapi.middleware.gzip import GZipMiddleware

from app.databases import Library
from app.routes.media import FOREVER, media_router
from app.routes.view import view_router
from app.web.head_injection import EarlyMiddleware
from app.web.login import PasswordMiddleware
from app.web.mcp import answer_in_json
from app.web.page import LOOK, early, head, look_version, make_blocks, make_theme
from app.web.render_queue import TURNS, TurnsMiddleware
from app.web.static_cache import KeptMiddleware

MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css"}


def make_server(
    libraries: Mapping[str, Library],
    first_model: str | None = None,
    passwords: Mapping[str, str] | None = None,
    mcp: bool = False,
) -> FastAPI:
    """The whole application.

    Args:
        passwords: users that may enter, by name; None = everybody.
        mcp: offer the endpoints of app/routes/api.py, which only read, as tools to agents (Model Context Protocol).
    """
    server = FastAPI(title="Shelf Lens", docs_url=None, redoc_url=None, openapi_url=None)
    server.include_router(media_router(libraries))
    server.include_router(view_router(libraries, first_model))
    files = {file.name: file for file in LOOK}

    @server.get("/look/{version}/{name}")
    def look(version: str, name: str) -> Response:
        if name not in files:
            raise HTTPException(404, f"no file {name!r}")
        return _file(files[name], lasting=version == look_version())

    @server.post("/gradio_api/upload")
    def upload() -> None:
        """Gradio would keep whatever anybody sends."""
        raise HTTPException(404, "nothing can be uploaded here")

    server.add_middleware(EarlyMiddleware, elements=early())
    server.add_middleware(TurnsMiddleware, turns=TURNS)
    server.add_middleware(KeptMiddleware)
    if passwords is not None:
        server.add_middleware(PasswordMiddleware, passwords=passwords)
    server.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=4)
    blocks = make_blocks(libraries)
    gr.mount_gradio_app(
        server,
        blocks,
        path="/",
        theme=make_theme(),
        head=head(),
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        mcp_server=mcp,
        pwa=False,
        show_error=True,
    )
    if mcp:
        answer_in_json(blocks)
    return server


def _file(file: Path, *, lasting: bool) -> Response:
    cache = FOREVER if lasting else "no-cache"
    return Response(file.read_bytes(), media_type=MEDIA_TYPES[file.suffix], headers={"Cache-Control": cache})
