"""The phone wall: what the phones of the world received, newest first, live."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from platform_app.sandbox.store import Store

KEPT = 500
PAGE = Path(__file__).with_name("wall.html")
PING_SECONDS = 15


@dataclass(frozen=True)
class Link:
    """A button or card of a message."""

    title: str
    url: str


@dataclass(frozen=True)
class Message:
    """What a phone received. `at` in epoch seconds; `channel`: dingtalk | wecom | sms; `raw`: the body as sent."""

    id: int
    at: float
    channel: str
    to: str
    title: str
    text: str
    links: tuple[Link, ...]
    raw: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        return {**self.__dict__, "links": [link.__dict__ for link in self.links]}


class Wall:
    """Keeps each channel's last 500 messages and tells those who watch."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._watchers: set[asyncio.Queue[Message | None]] = set()

    def post(
        self,
        now: float,
        channel: str,
        to: str,
        text: str,
        *,
        title: str = "",
        links: Sequence[Link] = (),
        raw: dict[str, Any],
    ) -> Message:
        """A phone receives a message."""
        shown = json.dumps([link.__dict__ for link in links], ensure_ascii=False)
        number = self._store.run(
            "INSERT INTO wall(at, channel, recipient, title, text, links, raw) VALUES (?,?,?,?,?,?,?)",
            *(now, channel, to, title, text, shown, json.dumps(raw, ensure_ascii=False)),
        )
        self._trim(channel)
        message = Message(number, now, channel, to, title, text, tuple(links), raw)
        for watcher in self._watchers:
            watcher.put_nowait(message)
        return message

    def _trim(self, channel: str) -> None:
        oldest = "SELECT id FROM wall WHERE channel = ? ORDER BY id DESC LIMIT 1 OFFSET ?"
        row = self._store.row(oldest, channel, KEPT)
        if row is not None:
            self._store.run("DELETE FROM wall WHERE channel = ? AND id <= ?", channel, row["id"])

    def since(self, number: int, limit: int = 3 * KEPT) -> list[Message]:
        """The messages after id `number`, newest first."""
        sql = "SELECT * FROM wall WHERE id > ? ORDER BY id DESC LIMIT ?"
        return [_message(row) for row in self._store.rows(sql, number, limit)]

    def clear(self) -> None:
        """Takes all messages down; ids go on counting."""
        self._store.run("DELETE FROM wall")

    def end_streams(self) -> None:
        """Ends every live stream, so that the process can stop."""
        for watcher in self._watchers:
            watcher.put_nowait(None)

    def routes(self, app: web.Application) -> None:
        app.router.add_get("/", self._page)
        app.router.add_get("/healthz", self._healthy)
        app.router.add_get("/api/wall", self._list)
        app.router.add_get("/api/wall/stream", self._stream)

    async def _page(self, request: web.Request) -> web.Response:
        text = PAGE.read_text(encoding="utf-8")
        return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-cache"})

    async def _healthy(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _list(self, request: web.Request) -> web.Response:
        messages = self.since(_number(request.query.get("since", "0")))
        return web.json_response({"messages": [m.as_dict() for m in messages], "now": time.time()})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: each message once, those missed since Last-Event-ID first."""
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        queue: asyncio.Queue[Message | None] = asyncio.Queue()
        self._watchers.add(queue)
        try:
            last = _number(request.headers.get("Last-Event-ID") or request.query.get("since", "0"))
            for message in reversed(self.since(last)):
                await response.write(_event(message))
            await self._follow(queue, response)
        except ConnectionResetError:
            pass  # the page was closed
        finally:
            self._watchers.discard(queue)
        return response

    async def _follow(self, queue: asyncio.Queue[Message | None], response: web.StreamResponse) -> None:
        while True:
            try:
                message = await asyncio.wait_for(queue.get(), PING_SECONDS)
            except TimeoutError:
                await response.write(b": ping\n\n")
                continue
            if message is None:
                return
            await response.write(_event(message))


def _event(message: Message) -> bytes:
    return f"id: {message.id}\ndata: {json.dumps(message.as_dict(), ensure_ascii=False)}\n\n".encode()


def _message(row: sqlite3.Row) -> Message:
    links = tuple(Link(**link) for link in json.loads(row["links"]))
    head = (row["id"], row["at"], row["channel"], row["recipient"])
    return Message(*head, row["title"], row["text"], links, json.loads(row["raw"]))


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise web.HTTPBadRequest(text=f"not a number: {text!r}") from error
