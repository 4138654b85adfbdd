"""Starting the web server on a bound socket and saying where it is."""

from __future__ import annotations

import ctypes
import gc
import socket
from collections.abc import Mapping
from contextlib import suppress

import uvicorn

from app.databases import Database
from app.web.server import make_server

MCP_PATH = "/gradio_api/mcp/"
ANYWHERE = ("0.0.0.0", "::")
LONGEST_REQUEST = 1 << 17  # bytes of an address and its headers; 300 tagged samples take over 16 KiB
M_ARENA_MAX, HEAPS = -8, 2


def serve(
    databases: Mapping[str, Database],
    listener: socket.socket,
    *,
    first_model: str | None,
    passwords: Mapping[str, str] | None,
    mcp: bool,
) -> None:
    """Serve until interrupted; arguments as `app.web.server.make_server`."""
    _share_heaps()
    server = make_server(databases, first_model, passwords, mcp)
    gc.freeze()  # these 270,000 objects stay: to look through them would stop every answer for 0.2 s, now and then
    gc.enable()
    host, port = listener.getsockname()[:2]
    shown = "127.0.0.1" if host in ANYWHERE else f"[{host}]" if ":" in host else host
    print(f"Shelf Lens shows {', '.join(database.shown for database in databases.values())}")
    print(f"open http://{shown}:{port}/  (Ctrl-C ends it)", flush=True)
    if mcp:
        print(f"agents find its tools at http://{shown}:{port}{MCP_PATH}", flush=True)
    config = uvicorn.Config(
        server,
        log_level="warning",
        proxy_headers=True,
        timeout_graceful_shutdown=2,
        h11_max_incomplete_event_size=LONGEST_REQUEST,
    )
    uvicorn.Server(config).run(sockets=[listener])


def _share_heaps() -> None:
    """glibc gives each of many threads a heap of its own, full of holes after the pictures it drew; two will do."""
    with suppress(AttributeError, OSError, TypeError):  # where there is no glibc
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, HEAPS)
