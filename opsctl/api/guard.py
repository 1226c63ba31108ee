"""Stands before an application: who may call, and headers that every answer has. As exporter-toolkit does it."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from pathlib import Path

import bcrypt
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from opsctl.core.errors import DocumentError
from opsctl.core.log import Log
from opsctl.core.web_config import WebConfig, load_web_config

LOG = Log("opsctl.api.guard")
_REMEMBERED = 100
_NOBODY = bcrypt.hashpw(b"nobody", bcrypt.gensalt(10))
"""Checked for unknown names, so that they cost as much time as known ones."""


class Guard:
    """Asks for a user name and password where `file` has users; reads it anew when it has changed.

    A file that has become wrong lets nobody in, and says so in the log.
    """

    def __init__(self, app: ASGIApp, file: Path) -> None:
        self._app, self._file = app, file
        self._stamp, self._config = self._changed(), load_web_config(file)
        self._known: dict[bytes, bool] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        config = self._current()
        if config is None:
            await PlainTextResponse("the web configuration is wrong\n", 500)(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in config.headers:
                    headers[name] = value
            await send(message)

        if config.users and not await self._may(Headers(scope=scope).get("authorization", ""), config):
            refused = PlainTextResponse("Unauthorized\n", 401, {"WWW-Authenticate": "Basic"})
            await refused(scope, receive, answer)
            return
        await self._app(scope, receive, answer)

    def _changed(self) -> int:
        try:
            return self._file.stat().st_mtime_ns
        except OSError:
            return 0

    def _current(self) -> WebConfig | None:
        stamp = self._changed()
        if stamp != self._stamp:
            self._stamp, self._known = stamp, {}
            try:
                self._config = load_web_config(self._file)
            except DocumentError as error:
                LOG.error("web_config.wrong", error=error.message)
                self._stamp = -1  # looked at again with every call
                return None
        return self._config

    async def _may(self, header: str, config: WebConfig) -> bool:
        kind, _, text = header.partition(" ")
        try:
            name, colon, password = base64.b64decode(text, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        if kind.lower() != "basic" or not colon:
            return False
        hashed = dict(config.users).get(name)
        seen = hashlib.sha256(f"{name}\0{password}\0".encode() + (hashed or b"")).digest()
        if seen not in self._known:
            good = await asyncio.to_thread(bcrypt.checkpw, password.encode()[:72], hashed or _NOBODY)
            if len(self._known) >= _REMEMBERED:
                self._known.pop(next(iter(self._known)))
            self._known[seen] = good and hashed is not None
        return self._known[seen]
