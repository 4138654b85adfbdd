"""Finding a port to listen on."""

from __future__ import annotations

import socket

from db.errors import UserError

DEFAULT_PORT = 7860
TRIED = 50


def bind(host: str, port: int | None) -> socket.socket:
    """A bound socket: on the port asked for, else on the first free one from 7860 on.

    Raises:
        UserError: the port asked for, or every port tried, is taken; or the host is not this machine's.
    """
    if port is not None:
        return _bind(host, port)
    for candidate in range(DEFAULT_PORT, DEFAULT_PORT + TRIED):
        try:
            return _bind(host, candidate)
        except PortTakenError:
            continue
    raise UserError(f"ports {DEFAULT_PORT} to {DEFAULT_PORT + TRIED - 1} are all taken; name another with --port")


class PortTakenError(UserError):
    """Another program listens on the port."""


def _bind(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # Only where the protocol is named does asyncio send every piece at once (TCP_NODELAY); else the second piece of
        # an answer may wait 40 ms for the first to be acknowledged.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError as error:
        raise UserError(f"--host {host}: {error.strerror}; try 127.0.0.1, or 0.0.0.0 for every network") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno in (98, 48, 10048):  # EADDRINUSE on Linux, macOS and Windows
            raise PortTakenError(
                f"port {port} on {host} is taken by another program; name another with --port, or leave --port out"
            ) from error
        raise UserError(f"port {port} on {host}: {error.strerror}; name another with --port or --host") from error
    return listener
