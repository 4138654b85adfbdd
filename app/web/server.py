"""The web server: own routes first, Gradio mounted behind them; ports and passwords."""

from __future__ import annotations

import app.web.gradio_import  # noqa: F401

# isort: split
import os
from collections.abc import Mapping

import gradio as gr
from fastapi import FastAPI, HTTPException
from fastapi.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import PathLike, StaticFiles
from starlette.types import Scope

from app.databases import Database
from app.routes.media import FOREVER, media_router
from app.routes.view import view_router
from app.web.head_injection import HeadInjectionMiddleware
from app.web.login import PasswordMiddleware
from app.web.mcp import answer_in_json
from app.web.page import PAGE_FILES, head, head_scripts, make_blocks, make_theme, page_version
from app.web.static_cache import StaticCacheMiddleware


class PageFiles(StaticFiles):
    """The page's own scripts and style sheets; browsers keep those of the version that stands in the page for ever."""

    def file_response(
        self, full_path: PathLike, stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """As Starlette has it."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        lasting = scope["path_params"]["version"] == page_version()
        response.headers["Cache-Control"] = FOREVER if lasting else "no-cache"
        return response


def make_server(
    databases: Mapping[str, Database],
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
    server.include_router(media_router(databases))
    server.include_router(view_router(databases, first_model))
    server.mount("/page-files/{version}", PageFiles(directory=PAGE_FILES))

    @server.post("/gradio_api/upload")
    def upload() -> None:
        """Gradio would keep whatever anybody sends."""
        raise HTTPException(404, "nothing can be uploaded here")

    server.add_middleware(HeadInjectionMiddleware, elements=head_scripts())
    server.add_middleware(StaticCacheMiddleware)
    if passwords is not None:
        server.add_middleware(PasswordMiddleware, passwords=passwords)
    server.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=4)
    blocks = make_blocks(databases)
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
