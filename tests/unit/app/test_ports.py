"""Ports."""

import socket

import pytest

from app import ports
from app.ports import bind
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
