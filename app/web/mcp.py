"""The endpoints as tools of agents: Gradio's server of the Model Context Protocol, made to answer in JSON."""

from __future__ import annotations

from typing import Any

import gradio as gr

from db.errors import UserError
from db.schema.columns import json_text


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
