"""Users and passwords from a file, asked for by the browser itself (HTTP Basic) on every route."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Mapping
from pathlib import Path

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from db.errors import UserError


def read_passwords(path: Path) -> dict[str, str]:
    """Users by name, from lines `user:password`; empty lines and lines that begin with # are skipped.

    Raises:
        UserError: no such file, a line without a colon or with an empty half, or no user at all.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error}); name a text file of lines user:password") from error
    passwords = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        user, separator, password = line.partition(":")
        if not (user.strip() and separator and password):
            raise UserError(f"{path}, line {number}: expected user:password")
        passwords[user.strip()] = password
    if not passwords:
        raise UserError(f"{path}: names no user; write one line user:password for each")
    return passwords


def readable_by_others(path: Path) -> bool:
    """Whether anybody else on this machine may read the file."""
    return bool(path.stat().st_mode & 0o077)


def _privately(send: Send) -> Send:
    """Only the visitor's own browser may keep what a password protects, no proxy on the way."""

    async def send_privately(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [
                (name, value.replace(b"public", b"private") if name == b"cache-control" else value)
                for name, value in message["headers"]
            ]
        await send(message)

    return send_privately


class PasswordMiddleware:
    """Lets in those who give a user's name and password; others get 401 and are asked."""

    def __init__(self, app: ASGIApp, passwords: Mapping[str, str]) -> None:
        self._app = app
        self._passwords = passwords

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or self._welcome(dict(scope["headers"]).get(b"authorization", b"")):
            await self._app(scope, receive, _privately(send))
            return
        asking = {"WWW-Authenticate": 'Basic realm="Shelf Lens", charset="UTF-8"'}
        await PlainTextResponse("User and password, please.", 401, headers=asking)(scope, receive, send)

    def _welcome(self, header: bytes) -> bool:
        kind, _, encoded = header.partition(b" ")
        if kind.lower() != b"basic":
            return False
        try:
            user, _, given = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        expected = self._passwords.get(user, "")
        return secrets.compare_digest(given.encode(), expected.encode()) and user in self._passwords
