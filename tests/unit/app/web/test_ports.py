"""Ports."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.web import ports
from app.web.ports import bind
from db.errors import UserError


@pytest.fixture
def taken() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_taken_port_that_was_asked_for_is_an_error_with_a_remedy(taken: int) -> None:
    with pytest.raises(UserError, match=rf"port {taken} on 127.0.0.1 is taken.*--port"):
        bind("127.0.0.1", taken)


def test_without_a_wish_the_next_free_port_is_found(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "DEFAULT_PORT", taken)
    with bind("127.0.0.1", None) as listener:
        assert taken < listener.getsockname()[1] < taken + ports.TRIED


def test_address_of_another_machine_is_an_error_with_a_remedy() -> None:
    with pytest.raises(UserError, match="--host"):
        bind("192.0.2.1", None)


def test_accepted_connection_sends_every_piece_at_once() -> None:
    async def accepted() -> int:
        found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def look(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = writer.get_extra_info("socket")
            found.set_result(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listener = bind("127.0.0.1", 0)
        async with await asyncio.start_server(look, sock=listener):
            _, writer = await asyncio.open_connection(*listener.getsockname())
            option = await found
            writer.close()
        return option

    with ThreadPoolExecutor(1) as thread:  # this one may have an event loop: a browser's tests leave theirs
        assert thread.submit(asyncio.run, accepted()).result() != 0
