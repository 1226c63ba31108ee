"""WeCom group robot (企业微信群机器人): markdown of at most 4,096 bytes, success only by errcode 0.

Source: https://developer.work.weixin.qq.com/document/path/91770
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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
from opsctl.alerts.receivers.errcode import Said, read
from opsctl.model.person import Person

MARKDOWN_BYTES = 4096
_TAIL_BYTES = 1500  # links and mentions, at most
_COLOUR = {"critical": "warning", "warning": "warning", "info": "comment"}
_BUSY_TRIES = 3


@dataclass(frozen=True, kw_only=True)
class WeCom(HttpReceiver):
    """One robot, known by its key. `mention_all`: not of critical alerts alone."""

    api_url: str
    key: str
    send_resolved: bool = True
    mentioned_list: tuple[str, ...] = ()
    rate_per_minute: int = 18
    mention_all: bool = False
    kind: str = "wecom"

    @property
    def channel(self) -> Channel:
        return Channel(name=channel_name(self.kind, f"{self.api_url} {self.key}"), rate=self.rate_per_minute)

    def messages(self, batch: Batch, now: float, key: str) -> tuple[Request, ...]:
        url = f"{self.api_url.rstrip('/')}/cgi-bin/webhook/send?key={quote_plus(self.key)}"
        mentioned = batch.firing and (self.mention_all or batch.severity == "critical")
        contents = markdown(batch, self.mentioned_list if mentioned else ())
        return tuple(
            Request("POST", url, orjson.dumps({"msgtype": "markdown", "markdown": {"content": each}}))
            for each in contents
        )

    def addressed(self, person: Person) -> WeCom | None:
        """As Personal: the group's message mentions the person."""
        return replace(self, mentioned_list=(person.wecom,), mention_all=True) if person.wecom else None

    def outcome(self, response: Response) -> Outcome:
        """Reads errcode: -1 busy (three tries), 45009 too fast, 93000 no such robot."""
        said = read(response)
        if not isinstance(said, Said):
            return said
        if said.code == 0:
            return Sent()
        if said.code == -1:
            return RetryAfter(said.reason, most=_BUSY_TRIES)
        return RetryAfter(said.reason, 61.0, rest=True) if said.code == 45009 else Refused(said.reason)


def markdown(batch: Batch, mentioned: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The message, or the pages of a digest; cut between characters so that links and mentions still fit."""
    links = "　".join(f"[{t}]({u})" for t, u in text.buttons(batch))
    mention = text.shorten(" ".join(f"<@{m}>" for m in mentioned), 500)
    tail = "".join(f"\n{part}" for part in (links, mention) if part)
    tail = tail if len(tail.encode()) <= _TAIL_BYTES else ""
    if batch.digest:
        room = MARKDOWN_BYTES - len(tail.encode())
        return tuple(
            page.replace("<@", "<＠") + tail for page in digest_text.pages(batch, room, lambda t: len(t.encode()))
        )
    colour = _COLOUR.get(batch.severity, "comment") if batch.firing else "info"
    head = f'### <font color="{colour}">{text.title(batch)}</font>'
    written = "\n".join((head, *text.body(batch), f'<font color="comment">{text.english(batch)}</font>'))
    return (text.shorten(written.replace("<@", "<＠"), MARKDOWN_BYTES - len(tail.encode())) + tail,)
