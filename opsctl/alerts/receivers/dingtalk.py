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

BODY_BYTES = 20_000
_ROOM = 15_000  # for the text, as JSON has it: the rest of the body is title, links and mentions
_PAGE = 17_000  # of a digest, which has fewer links
_TITLE = 300
_REST = 615.0  # a robot that sent too fast is refused for about ten minutes
_TOO_FAST = (130101, 302033)
_STALE_TRIES = 5


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
        return Channel(name=channel_name(self.kind, f"{self.api_url} {self.access_token}"), rate=self.rate_per_minute)

    def messages(self, batch: Batch, now: float, key: str) -> tuple[Request, ...]:
        """Signed with `now`: a try that comes late is signed afresh."""
        mentioned = batch.firing and (self.mention_all or batch.severity == "critical")
        wanted = self.at_mobiles if mentioned else ()
        bodies = ({**content, "msgUuid": key} for content in _contents(batch, wanted))
        return tuple(Request("POST", self._url(now), orjson.dumps(body)) for body in bodies)

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
        said = read(response)
        if not isinstance(said, Said):
            return said
        if said.code == 0:
            return Sent()
        if said.code in _TOO_FAST:
            return RetryAfter(said.reason, _REST, rest=True)
        if said.code == 310000 and _stale(said.words):
            return RetryAfter(f"{said.reason} (is this machine's clock right?)", most=_STALE_TRIES)
        return RetryAfter(said.reason) if said.code == -1 else Refused(said.reason)


def sign(secret: str, stamp: int) -> str:
    """base64(HMAC-SHA256(secret, "{ms}\\n{secret}"))."""
    digest = hmac.new(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _stale(words: str) -> bool:
    low = words.lower()
    return "timestamp" in low or "时间" in low or "expire" in low


def _contents(batch: Batch, wanted: tuple[str, ...]) -> list[dict[str, Any]]:
    """One message, or the pages of a digest.

    An action card with buttons; markdown where somebody is to be mentioned (a card cannot), or nothing is to be pressed.
    """
    return [_content(batch, written, wanted) for written in _texts(batch)]


def _texts(batch: Batch) -> tuple[str, ...]:
    if batch.digest:
        return digest_text.pages(batch, _PAGE, json_bytes, "\n\n")
    return (text.shorten(markdown(batch), _ROOM, measure=json_bytes),)


def _content(batch: Batch, written: str, wanted: tuple[str, ...]) -> dict[str, Any]:
    head = text.shorten(text.title(batch), _TITLE, measure=json_bytes)
    buttons = text.buttons(batch)
    if batch.firing and buttons and not wanted:
        made = [{"title": t, "actionURL": u} for t, u in buttons]
        card = {"title": head, "text": written, "btnOrientation": "1", "btns": made}
        return {"msgtype": "actionCard", "actionCard": card}
    links = " | ".join(f"[{t}]({u})" for t, u in buttons)
    mention = " ".join(f"@{m}" for m in wanted)
    tail = "".join(f"\n\n{part}" for part in (links, mention) if part)
    shown = {"title": head, "text": written + tail}
    return {"msgtype": "markdown", "markdown": shown, "at": {"atMobiles": list(wanted), "isAtAll": False}}


def markdown(batch: Batch) -> str:
    """The message in DingTalk's markdown: a blank line between lines, or they run together."""
    return "\n\n".join((f"### {text.title(batch)}", *text.body(batch), f"{text.english(batch)}"))
