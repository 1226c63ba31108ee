"""WeCom group robot (企业微信群机器人): markdown of at most 4,096 bytes, success only by errcode 0.

Source: https://developer.work.weixin.qq.com/document/path/91770
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
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

MARKDOWN_BYTES = 4096
_COLOUR = {"critical": "warning", "warning": "warning", "info": "comment"}


@dataclass(frozen=True, kw_only=True)
class WeCom(HttpReceiver):
    """One robot, known by its key."""

    api_url: str
    key: str
    send_resolved: bool = True
    mentioned_list: tuple[str, ...] = ()
    rate_per_minute: int = 18
    kind: str = "wecom"

    @property
    def channel(self) -> Channel:
        mark = hashlib.sha256(f"{self.api_url} {self.key}".encode()).hexdigest()[:12]
        return Channel(name=f"wecom:{mark}", rate=self.rate_per_minute)

    def messages(self, batch: Batch, now: float, key: str) -> tuple[Request, ...]:
        url = f"{self.api_url.rstrip('/')}/cgi-bin/webhook/send?key={quote_plus(self.key)}"
        body = {"msgtype": "markdown", "markdown": {"content": markdown(batch, self.mentioned_list)}}
        return (Request("POST", url, orjson.dumps(body)),)

    def outcome(self, response: Response) -> Outcome:
        """Reads errcode: -1 busy (three tries), 45009 too fast, 93000 no such robot."""
        try:
            answer = orjson.loads(response.body)
            code, message = int(answer["errcode"]), str(answer.get("errmsg", ""))
        except (ValueError, KeyError, TypeError):
            found = by_status(response)
            return RetryAfter("HTTP 200 without errcode") if isinstance(found, Sent) else found
        reason = f"errcode {code}: {message}"
        if code == 0:
            return Sent()
        if code == -1:
            return RetryAfter(reason, most=3)
        if code == 45009:
            return RetryAfter(reason, 61.0, rest=True)
        return Refused(reason)


def markdown(batch: Batch, mentioned: tuple[str, ...] = ()) -> str:
    """The message, cut between characters so that links and mentions still fit."""
    colour = _COLOUR.get(batch.severity, "comment") if batch.firing else "info"
    links = []
    if batch.firing and batch.ack_url:
        links.append(f"[认领 ACK]({batch.ack_url})")
    if batch.details_url:
        links.append(f"[详情 Details]({batch.details_url})")
    mention = " ".join(f"<@{m}>" for m in mentioned) if batch.firing and batch.severity == "critical" else ""
    tail = "".join(f"\n{part}" for part in ("　".join(links), mention) if part)
    head = f'### <font color="{colour}">{text.title(batch)}</font>'
    written = "\n".join((head, *text.body(batch), f'<font color="comment">{text.english(batch)}</font>'))
    return text.shorten(written, MARKDOWN_BYTES - len(tail.encode())) + tail
