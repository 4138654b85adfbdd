"""The endpoints as tools of agents: a real client of the Model Context Protocol, over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, TextContent, Tool

from tests.browser.conftest import served
from tests.example_database import build

TOOLS = {"classes", "samples", "explanation", "global_groups", "modality", "search"}
USER = ("anna", "mjölk")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('agents') / 'example.db'}"
    build(url)
    return url


@pytest.fixture(scope="module")
def address(url: str) -> Iterator[str]:
    with served("--db", url, "--mcp") as address:
        yield f"{address}/gradio_api/mcp/"


def _ask(address: str, calls: dict[str, dict[str, Any]], auth: Any = None) -> tuple[list[Tool], list[CallToolResult]]:
    """The tools that there are, and the answers to calls of some of them."""

    async def ask() -> tuple[list[Tool], list[CallToolResult]]:
        async with (
            httpx.AsyncClient(auth=auth, follow_redirects=True, timeout=60) as http,
            streamable_http_client(address, http_client=http) as (read, write, *_),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            tools = (await session.list_tools()).tools
            return tools, [await session.call_tool(name, arguments) for name, arguments in calls.items()]

    with ThreadPoolExecutor(1) as elsewhere:  # Playwright's loop may be running in this thread
        return elsewhere.submit(asyncio.run, ask()).result()


def _records(answer: CallToolResult) -> list[dict[str, Any]]:
    assert not answer.isError, answer.content
    (content,) = answer.content
    assert isinstance(content, TextContent)
    return list(json.loads(content.text))


def test_agent_is_offered_the_endpoints_and_nothing_else(address: str) -> None:
    tools, _ = _ask(address, {})
    assert {tool.name for tool in tools} == TOOLS
    for tool in tools:
        assert tool.description
        assert all(entry.get("description") for entry in tool.inputSchema["properties"].values()), tool.name


def test_agent_calls_every_tool(address: str) -> None:
    sample = "test/Zeta-Juice/x_001.jpg"
    _, answers = _ask(
        address,
        {
            "classes": {"model": "score_fusion"},
            "samples": {"label": "Zeta-Juice"},
            "explanation": {"model": "score_fusion", "sample": sample},
            "global_groups": {"model": "score_fusion", "label": "Zeta-Juice"},
            "modality": {"model": "score_fusion"},
            "search": {"words": "mjolkk"},
        },
    )
    classes, samples, explanations, groups, shares, found = map(_records, answers)
    assert [entry["label"] for entry in classes] == ["Arla-Mjölk", "Oat & <i>Rye</i>", "Zeta-Juice"]
    assert sample in [entry["sample"] for entry in samples]
    assert [entry["kind"] for entry in explanations] == ["predicted", "true", "runner_up"]
    assert {group["modality"] for group in groups} == {"image", "text"}
    assert len(shares) == 9
    assert found[0]["written"].keys() == {"mjölk", "MJOLK", "MJÖLK"}


def test_agent_is_told_what_was_wrong(address: str) -> None:
    _, (answer,) = _ask(address, {"modality": {"model": "score_fusion", "db": "nope"}})
    assert answer.isError
    (content,) = answer.content
    assert isinstance(content, TextContent)
    assert "no database 'nope'" in content.text


def test_agent_needs_the_password_too(url: str, tmp_path: Path) -> None:
    users = tmp_path / "users"
    users.write_text(":".join(USER), encoding="utf-8")
    users.chmod(0o600)
    with served("--db", url, "--mcp", "--auth", str(users)) as server:
        address = f"{server}/gradio_api/mcp/"
        for path in ("", "sse", "schema", "http"):
            assert httpx.post(address + path, json={}).status_code == 401
            assert httpx.get(address + path).status_code == 401
        tools, answers = _ask(address, {"classes": {}}, httpx.BasicAuth(*USER))
        assert len(tools) == len(TOOLS)
        assert len(_records(answers[0])) == 3


def test_no_tools_unless_asked_for(url: str) -> None:
    with served("--db", url) as server:
        assert httpx.post(f"{server}/gradio_api/mcp/", json={}).status_code in (404, 405)
