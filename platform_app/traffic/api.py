"""The public API and the phone, as an app on a phone calls them: nothing raises for what a server answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from platform_app.kit.config import ConfigFolder
from platform_app.traffic.figures import Figures
from platform_app.traffic.pace import Pace

TIMEOUT = aiohttp.ClientTimeout(total=12)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; status 0 when there was none."""

    status: int
    data: Any = None

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def result(self) -> str:
        if self.status == 0:
            return "unreachable"
        return "ok" if self.ok else "refused" if self.status < 500 else "error"

    def items(self) -> list[dict[str, Any]]:
        """The items of a page; none when the call failed."""
        found = self.data.get("items", []) if self.ok and isinstance(self.data, dict) else []
        return list(found)


class Api:
    """Calls to the edge, each at its turn, and to the phones' side of the sandbox. All are counted."""

    def __init__(self, folder: ConfigFolder, session: aiohttp.ClientSession, pace: Pace, figures: Figures) -> None:
        self._folder = folder
        self._session = session
        self._pace = pace
        self._figures = figures

    async def call(
        self,
        action: str,
        method: str,
        path: str,
        *,
        token: str = "",
        json: object = None,
        query: dict[str, str] | None = None,
        photo: bytes | None = None,
        key: str = "",
    ) -> Reply:
        """One request to the edge; `path` is under /api/v1."""
        await self._pace.turn()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if key:
            headers["Idempotency-Key"] = key
        url = f"http://{self._folder.config.edge.listen}/api/v1{path}"
        return await self._send(action, method, url, headers=headers, params=query, **_body(json, photo))

    async def phone(self, action: str, method: str, path: str, json: object = None) -> Reply:
        """What a phone does outside of our app: scan and pay, read a text message."""
        url = f"http://{self._folder.config.sandbox.listen}{path}"
        return await self._send(action, method, url, json=json)

    async def _send(self, action: str, method: str, url: str, **rest: Any) -> Reply:
        try:
            async with self._session.request(method, url, timeout=TIMEOUT, **rest) as answer:
                reply = Reply(answer.status, _parsed(await answer.read()))
        except (TimeoutError, aiohttp.ClientError, OSError):
            reply = Reply(0)
        self._figures.requests.labels(action, reply.result).inc()
        return reply


def _body(json: object, photo: bytes | None) -> dict[str, Any]:
    if photo is None:
        return {"json": json}
    form = aiohttp.FormData()
    form.add_field("photo", photo, filename="done.png", content_type="image/png")
    return {"data": form}


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body) if body else None
    except ValueError:
        return None
