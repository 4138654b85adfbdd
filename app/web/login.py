"""Name and password, asked for by the browser itself (HTTP Basic) and sent by it with every request."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import secrets
from collections.abc import Mapping

from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.passwords import NOBODY, matches


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
    """Lets in those who give a user's name and password; others get 401 and are asked.

    A hash is slow by design and a browser sends the password with each picture, so what was right once is remembered
    for as long as the process lives, as a keyed digest. One password is tried at a time, beside the event loop.
    """

    def __init__(self, app: ASGIApp, passwords: Mapping[str, str]) -> None:
        self._app = app
        self._passwords = passwords
        self._key = secrets.token_bytes(32)
        self._known: set[bytes] = set()
        self._turn = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or await self._welcome(dict(scope["headers"]).get(b"authorization", b"")):
            await self._app(scope, receive, _privately(send))
            return
        asking = {"WWW-Authenticate": 'Basic realm="Shelf Lens", charset="UTF-8"'}
        await PlainTextResponse("User and password, please.", 401, headers=asking)(scope, receive, send)

    async def _welcome(self, header: bytes) -> bool:
        kind, _, encoded = header.partition(b" ")
        if kind.lower() != b"basic":
            return False
        try:
            credentials = base64.b64decode(encoded, validate=True)
            user, _, given = credentials.decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        digest = hashlib.blake2b(credentials, key=self._key).digest()
        if digest not in self._known:
            async with self._turn:
                if digest not in self._known and not await self._is_right(user, given):
                    return False
            self._known.add(digest)
        return True

    async def _is_right(self, user: str, given: str) -> bool:
        stored = self._passwords.get(user, NOBODY)
        return await run_in_threadpool(matches, given, stored) and user in self._passwords
