"""Feishu bot (飞书自定义机器人): an interactive card, signed the other way round, success only by code 0.

Source: https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import orjson

from opsctl.alerts import digest_text, text
from opsctl.alerts.batch import Batch
from opsctl.alerts.receiver import (
    Channel,
    HttpReceiver,
    Outcome,
    Refused,
    Request,
    Response,
    RetryAfter,
    Sent,
    channel_name,
)
from opsctl.alerts.receivers.errcode import Said, json_bytes, read
from opsctl.model.person import Person

BODY_BYTES = 20 * 1024
_ROOM = 14_000
_TITLE = 300
_COLOUR = {"critical": "red", "warning": "orange", "info": "blue"}
_TOO_FAST = (11232, 9499)
_STALE_TRIES = 5


@dataclass(frozen=True, kw_only=True)
class Feishu(HttpReceiver):
    """One bot, known by the last part of its webhook's address. `secret` '' where signing is off;
    `mention_all`: not of critical alerts alone.
    """

    api_url: str
    hook_id: str
    secret: str = ""
    send_resolved: bool = True
    at_users: tuple[str, ...] = ()
    rate_per_minute: int = 90
    mention_all: bool = False
    kind: str = "feishu"

    @property
    def channel(self) -> Channel:
        name = channel_name(self.kind, f"{self.api_url} {self.hook_id}")
        return Channel(name=name, rate=self.rate_per_minute, also=((4, 1.0),))

    def messages(self, batch: Batch, now: float, key: str) -> tuple[Request, ...]:
        """Signed with `now`: a try that comes late is signed afresh. Feishu knows no key of a message."""
        url = f"{self.api_url.rstrip('/')}/open-apis/bot/v2/hook/{quote(self.hook_id, safe='')}"
        signed = {"timestamp": str(int(now)), "sign": sign(self.secret, int(now))} if self.secret else {}
        mentioned = batch.firing and (self.mention_all or batch.severity == "critical")
        cards = _cards(batch, self.at_users if mentioned else ())
        bodies = ({**signed, "msg_type": "interactive", "card": card} for card in cards)
        return tuple(Request("POST", url, orjson.dumps(body)) for body in bodies)

    def addressed(self, person: Person) -> Feishu | None:
        """As Personal: the group's message mentions the person."""
        return replace(self, at_users=(person.feishu,), mention_all=True) if person.feishu else None

    def outcome(self, response: Response) -> Outcome:
        """Reads `code` (older hosts: `StatusCode`): 11232 too fast; 19021 sign or time, 19022 address, 19024 keyword."""
        said = read(response, (("code", "msg"), ("StatusCode", "StatusMessage")))
        if not isinstance(said, Said):
            return said
        if said.code == 0:
            return Sent()
        if said.code in _TOO_FAST:
            return RetryAfter(said.reason, 61.0, rest=True)
        if said.code == 19021 and "timestamp" in said.words.lower() and "match" not in said.words.lower():
            return RetryAfter(f"{said.reason} (is this machine's clock right?)", most=_STALE_TRIES)
        return Refused(said.reason)


def sign(secret: str, stamp: int) -> str:
    """base64(HMAC-SHA256("{seconds}\\n{secret}", "")): the text is the key, and nothing is signed."""
    return base64.b64encode(hmac.new(f"{stamp}\n{secret}".encode(), b"", hashlib.sha256).digest()).decode()


def _cards(batch: Batch, users: tuple[str, ...]) -> list[dict[str, Any]]:
    if batch.digest:
        texts = digest_text.pages(batch, _ROOM, json_bytes)
    else:
        written = "\n".join((*text.body(batch), text.english(batch)))
        texts = (text.shorten(written, _ROOM, measure=json_bytes),)
    return [_card(batch, each, users) for each in texts]


def _card(batch: Batch, written: str, users: tuple[str, ...]) -> dict[str, Any]:
    mention = "".join(f"<at id={u}></at>" for u in users[:20])
    colour = _COLOUR.get(batch.severity, "grey") if batch.firing else "green"
    elements: list[dict[str, Any]] = [{"tag": "markdown", "content": _harmless(written)}]
    if mention:
        elements.append({"tag": "markdown", "content": mention})
    buttons = [
        {"tag": "button", "text": {"tag": "plain_text", "content": t}, "url": u, "type": "default" if n else "primary"}
        for n, (t, u) in enumerate(text.buttons(batch))
    ]
    if buttons:
        elements.append({"tag": "action", "actions": buttons})
    title = {"tag": "plain_text", "content": text.shorten(text.title(batch), _TITLE, measure=json_bytes)}
    return {"config": {"wide_screen_mode": True}, "header": {"title": title, "template": colour}, "elements": elements}


def _harmless(written: str) -> str:
    """What an alert says mentions nobody."""
    return written.replace("<at ", "<ａt ")
