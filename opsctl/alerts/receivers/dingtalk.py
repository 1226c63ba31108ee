"""DingTalk custom robot (钉钉自定义机器人): signed, markdown or action card, success only by errcode 0.

Source: https://open.dingtalk.com/document/orgapp/custom-robots-send-group-messages
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote_plus

import orjson

from opsctl.alerts import text
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
    by_status,
)
from opsctl.model.person import Person

BODY_BYTES = 20_000
_ROOM = 15_000  # for the text: the rest of the body is JSON, links and escapes
_REST = 615.0  # a robot that sent too fast is refused for about ten minutes
_TOO_FAST = (130101, 302033)


@dataclass(frozen=True, kw_only=True)
class DingTalk(HttpReceiver):
    """One robot. `secret` '' for one that is protected by a keyword; `mention_all`: not of critical alerts alone."""

    api_url: str
    access_token: str
    secret: str = ""
    send_resolved: bool = True
    at_mobiles: tuple[str, ...] = ()
    rate_per_minute: int = 18
    mention_all: bool = False
    kind: str = "dingtalk"

    @property
    def channel(self) -> Channel:
        mark = hashlib.sha256(f"{self.api_url} {self.access_token}".encode()).hexdigest()[:12]
        return Channel(name=f"dingtalk:{mark}", rate=self.rate_per_minute)

    def messages(self, batch: Batch, now: float, key: str) -> tuple[Request, ...]:
        body = {
            **_content(batch, self.at_mobiles if self.mention_all or batch.severity == "critical" else ()),
            "msgUuid": key,
        }
        return (Request("POST", self._url(now), orjson.dumps(body)),)

    def _url(self, now: float) -> str:
        url = f"{self.api_url.rstrip('/')}/robot/send?access_token={quote_plus(self.access_token)}"
        if not self.secret:
            return url
        stamp = round(now * 1000)
        return f"{url}&timestamp={stamp}&sign={quote_plus(sign(self.secret, stamp))}"

    def addressed(self, person: Person) -> DingTalk | None:
        """As Personal: the group's message mentions the person."""
        return replace(self, at_mobiles=(person.mobile,), mention_all=True) if person.mobile else None

    def outcome(self, response: Response) -> Outcome:
        """Reads errcode; 310000 covers sign, keyword and stale time, so its errmsg decides."""
        try:
            answer = orjson.loads(response.body)
            code, message = int(answer["errcode"]), str(answer.get("errmsg", ""))
        except (ValueError, KeyError, TypeError):
            found = by_status(response)
            return RetryAfter("HTTP 200 without errcode") if isinstance(found, Sent) else found
        if code == 0:
            return Sent()
        reason = f"errcode {code}: {message}"
        if code in _TOO_FAST:
            return RetryAfter(reason, _REST, rest=True)
        if code == -1 or (code == 310000 and _stale(message)):
            return RetryAfter(reason)
        return Refused(reason)


def sign(secret: str, stamp: int) -> str:
    """base64(HMAC-SHA256(secret, "{ms}\\n{secret}"))."""
    digest = hmac.new(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _stale(message: str) -> bool:
    low = message.lower()
    return "timestamp" in low or "时间" in low or "expire" in low


def _content(batch: Batch, mobiles: tuple[str, ...]) -> dict[str, Any]:
    """An action card with buttons; markdown where somebody is to be mentioned, or nothing is to be pressed."""
    head, written = text.title(batch), markdown(batch)
    buttons = [(t, u) for t, u in (("认领 ACK", batch.ack_url), ("详情 Details", batch.details_url)) if u]
    wanted = mobiles if batch.firing else ()
    if batch.firing and buttons and not wanted:
        made = [{"title": t, "actionURL": u} for t, u in buttons]
        card = {"title": head, "text": text.shorten(written, _ROOM), "btnOrientation": "1", "btns": made}
        return {"msgtype": "actionCard", "actionCard": card}
    links = " | ".join(f"[{t}]({u})" for t, u in (buttons if batch.firing else buttons[1:]))
    mention = " ".join(f"@{m}" for m in wanted)
    tail = "".join(f"\n\n{part}" for part in (links, mention) if part)
    shown = {"title": head, "text": text.shorten(written, _ROOM) + tail}
    return {"msgtype": "markdown", "markdown": shown, "at": {"atMobiles": list(wanted), "isAtAll": False}}


def markdown(batch: Batch) -> str:
    """The message in DingTalk's markdown: a blank line between lines, or they run together."""
    return "\n\n".join((f"### {text.title(batch)}", *text.body(batch), f"{text.english(batch)}"))
