"""The endpoints as tools of agents: Gradio's server of the Model Context Protocol, made to answer in JSON.

What it buys: agents read `null` and `true`, where Gradio writes Python's notation, `None` and `True`. A server of the
`mcp` package's own (FastMCP) would do so by itself, but takes a tool's arguments from annotations, not from docstrings:
every argument of app/routes/api.py would be described twice.
Gradio internals: `Blocks.mcp_server_obj`, `mcp_error` and the server's method `postprocess_output_data`.
Fails when they change: tests/integration/app/test_agents.py, test_agent_calls_every_tool.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from db.errors import UserError
from db.values import json_text


def answer_in_json(blocks: gr.Blocks) -> None:
    """Let the tools of a mounted page answer in JSON: Gradio itself writes Python's own notation (`None`, `True`).

    Raises:
        UserError: the server of the tools did not start; Gradio goes on without it and says nothing.
    """
    server = blocks.mcp_server_obj
    if server is None:
        raise UserError(f"--mcp: {blocks.mcp_error}; pip install -r requirements-app.txt")
    from mcp.types import TextContent  # slow to import

    def contents(data: list[Any], root_url: str) -> list[TextContent]:
        return [TextContent(type="text", text=json_text(value)) for value in data]

    server.postprocess_output_data = contents
