"""Who is logged in. Tokens outlive the process, so that a restart does not send everybody a text message again."""

from __future__ import annotations

import asyncio
import os
import re
import time
from pathlib import Path
from typing import Any

import orjson

from platform_app.traffic.api import Api

SMS_TRIES = 6
MARGIN_SECONDS = 120
REFRESH_TRIES = 2
CODE = re.compile(r"\d{6}")


class Logins:
    """Logs people in by the code that their phone receives, once; then tokens are renewed. `token` remembers."""

    def __init__(self, api: Api, file: Path) -> None:
        self._api = api
        self._file = file
        self._kept: dict[str, dict[str, Any]] = _read(file)
        self._turn: dict[str, asyncio.Lock] = {}

    def known(self) -> list[str]:
        """The phones that are logged in."""
        limit = time.time() + MARGIN_SECONDS
        return [phone for phone, kept in self._kept.items() if max(kept["until"], kept.get("renew_until", 0)) > limit]

    async def token(self, phone: str) -> str:
        """A token of the person with this phone; '' when logging in does not work now."""
        async with self._turn.setdefault(phone, asyncio.Lock()):
            kept, limit = self._kept.get(phone), time.time() + MARGIN_SECONDS
            if kept is not None and kept["until"] > limit:
                return str(kept["token"])
            if kept is not None and kept.get("renew_until", 0) > limit:
                return await self._renew(phone, str(kept["refresh"]))
            return await self._log_in(phone)

    def forget(self, phone: str) -> None:
        """The token was refused; the refresh token may still count."""
        if phone in self._kept:
            self._kept[phone]["until"] = 0

    async def _renew(self, phone: str, refresh: str) -> str:
        """New tokens; asked for twice when the answer is lost. '' when it does not work now."""
        for _ in range(REFRESH_TRIES):
            reply = await self._api.call("refresh", "POST", "/auth/refresh", json={"refresh_token": refresh})
            if reply.ok:
                return self._keep(phone, reply.data)
            if reply.status == 401:
                self._kept.pop(phone, None)
                return await self._log_in(phone)
        return ""

    def _keep(self, phone: str, tokens: dict[str, Any]) -> str:
        at = time.time()
        self._kept[phone] = {
            "token": tokens["access_token"],
            "until": at + int(tokens["expires_in"]),
            "refresh": tokens["refresh_token"],
            "renew_until": at + int(tokens["refresh_expires_in"]),
        }
        _write(self._file, self._kept)
        return str(tokens["access_token"])

    async def _log_in(self, phone: str) -> str:
        before = await self._newest(phone)
        sent = await self._api.call("send_code", "POST", "/auth/code", json={"phone": phone})
        if not sent.ok:
            return ""
        code = await self._code_after(phone, before)
        if not code:
            return ""
        reply = await self._api.call("login", "POST", "/auth/login", json={"phone": phone, "code": code})
        if not reply.ok:
            return ""
        return self._keep(phone, reply.data)

    async def _newest(self, phone: str) -> int:
        messages = await self._messages(phone)
        return int(messages[0]["id"]) if messages else 0

    async def _code_after(self, phone: str, before: int) -> str:
        for _ in range(SMS_TRIES):
            for message in await self._messages(phone):
                found = CODE.search(message["text"])
                if message["id"] > before and found:
                    return found[0]
            await asyncio.sleep(0.5)
        return ""

    async def _messages(self, phone: str) -> list[dict[str, Any]]:
        reply = await self._api.phone("phone_sms", "GET", f"/api/phones/{phone}/sms")
        return list(reply.data["messages"]) if reply.ok else []


def _read(file: Path) -> dict[str, dict[str, Any]]:
    try:
        kept = orjson.loads(file.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}  # a damaged file costs only new logins
    return kept if isinstance(kept, dict) else {}


def _write(file: Path, kept: dict[str, dict[str, Any]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = file.with_name(file.name + ".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as target:
        target.write(orjson.dumps(kept))
    part.rename(file)
