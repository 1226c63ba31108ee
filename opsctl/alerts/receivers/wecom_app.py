"""WeCom app message (企业微信应用消息): a token first, then a card to each person, with buttons that call back.

Source: https://developer.work.weixin.qq.com/document/path/90236 (message/send), 91039 (gettoken), 94888 (update card)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote_plus

import orjson

from opsctl.alerts import digest_text, text
from opsctl.alerts.batch import Batch, LinkSet
from opsctl.alerts.receiver import Channel, Courier, Outcome, Refused, Request, RetryAfter, Sent, channel_name
from opsctl.alerts.receivers.errcode import Said, read
from opsctl.model.person import Person

_MARKDOWN_BYTES, _TAIL_BYTES = 2048, 700
_TITLE, _DESC, _SUB = 72, 120, 480  # bytes; what a phone shows of each
_EXPIRED = (42001, 40014, 40001)
_DUPLICATE_SECONDS = 1800
_PER_HOUR = 950  # of 1,000 a person; what is above them is dropped without a word
_BUSY_TRIES = 3


@dataclass(eq=False)
class Token:
    """The access token as it was last given; '' before the first and after one that has expired."""

    value: str = ""


@dataclass(frozen=True)
class AppMessage:
    """One message to one person."""

    user: str
    body: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class WeComApp:
    """One app, and the people that it writes to. `callback`: whether its buttons call back."""

    api_url: str
    corp_id: str
    agent_id: int
    corp_secret: str
    people: tuple[str, ...]
    callback_token: str = ""
    callback_aes_key: str = ""
    send_resolved: bool = True
    rate_per_minute: int = 28
    kind: str = "wecom_app"
    token: Token = field(default_factory=Token, compare=False, repr=False)

    @property
    def channel(self) -> Channel:
        name = channel_name(self.kind, " ".join((self.api_url, self.corp_id, str(self.agent_id), *self.people)))
        return Channel(
            name=name, rate=self.rate_per_minute, also=((_PER_HOUR, 3600.0),), people=len(self.people), timeout=20.0
        )

    def addressed(self, person: Person) -> WeComApp | None:
        """As Personal: to this person alone."""
        return replace(self, people=(person.wecom,)) if person.wecom else None

    def messages(self, batch: Batch, now: float, key: str) -> tuple[AppMessage, ...]:
        """A card a person; a digest in pages, each to everybody."""
        links = dict(batch.personal)
        if batch.digest:
            room = _MARKDOWN_BYTES - _TAIL_BYTES
            pages = digest_text.pages(batch, room, text.utf8_bytes)
            return tuple(self._page(p, page, batch, links.get(p, LinkSet())) for page in pages for p in self.people)
        return tuple(self._card(p, batch, links.get(p, LinkSet()), key) for p in self.people)

    async def send(self, message: AppMessage, courier: Courier) -> Outcome:
        """As Receiver: with the token at hand, and once more with a new one when that has expired."""
        said = await self.call("message/send", {"touser": message.user, **message.body}, courier)
        return outcome(said) if isinstance(said, Said) else said

    async def update_card(self, user: str, response_code: str, words: str, courier: Courier) -> Outcome:
        """Replaces the buttons of a card that was pressed. `response_code` serves once, within 72 h."""
        body = {"userids": [user], "agentid": self.agent_id, "response_code": response_code,
                "button": {"replace_name": text.shorten(words, _DESC)}}  # fmt: skip
        said = await self.call("message/update_template_card", body, courier)
        return outcome(said) if isinstance(said, Said) else said

    async def call(self, path: str, body: Mapping[str, Any], courier: Courier) -> Said | Outcome:
        """One call of the app's API."""
        said: Said | Outcome = RetryAfter("no token")
        for _ in range(2):
            if not self.token.value:
                failed = await self._fetch(courier)
                if failed is not None:
                    return failed
            url = f"{self._base}/cgi-bin/{path}?access_token={quote_plus(self.token.value)}"
            said = read(await courier.http(Request("POST", url, orjson.dumps(body))))
            if not isinstance(said, Said) or said.code not in _EXPIRED:
                break
            self.token.value = ""
        return said

    async def _fetch(self, courier: Courier) -> Outcome | None:
        query = f"corpid={quote_plus(self.corp_id)}&corpsecret={quote_plus(self.corp_secret)}"
        said = read(await courier.http(Request("GET", f"{self._base}/cgi-bin/gettoken?{query}", headers={})))
        if not isinstance(said, Said):
            return said
        if said.code == 0 and said.body.get("access_token"):
            self.token.value = str(said.body["access_token"])
            return None
        reason = f"no token: {said.reason}"
        return RetryAfter(reason) if said.code in (-1, 0, 45009) else Refused(reason)

    @property
    def _base(self) -> str:
        return self.api_url.rstrip("/")

    def _body(self, kind: str, content: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "msgtype": kind, "agentid": self.agent_id, kind: content, "enable_duplicate_check": 1,
            "duplicate_check_interval": _DUPLICATE_SECONDS,
        }  # fmt: skip

    def _page(self, user: str, page: str, batch: Batch, links: LinkSet) -> AppMessage:
        mine = replace(batch, ack_url=links.ack, silence_url=links.silence, details_url=links.details)
        tail = "　".join(f"[{t}]({u})" for t, u in text.buttons(mine))
        tail = f"\n{tail}" if 0 < len(tail.encode()) < _TAIL_BYTES else ""
        return AppMessage(user, self._body("markdown", {"content": page + tail}))

    def _card(self, user: str, batch: Batch, links: LinkSet, key: str) -> AppMessage:
        facts, *lines = text.body(batch)
        card: dict[str, Any] = {
            "source": {"desc": "opsctl"},
            "main_title": {"title": text.shorten(text.title(batch), _TITLE), "desc": text.shorten(facts, _DESC)},
            "sub_title_text": text.shorten("\n".join(lines), _SUB),
            "card_action": {"type": 1, "url": links.details},
            "task_id": f"{key}@{user}"[:128],
        }
        pressed = batch.firing and links.ack
        if pressed and self.callback_token:
            buttons = [("认领 ACK", "ack", 1), ("静默 1 小时", "silence", 2)]
            card |= {"card_type": "button_interaction"}
            card["button_list"] = [{"text": t, "key": k, "style": s} for t, k, s in buttons]
        else:
            jumps = (("认领 ACK", links.ack), ("静默 1 小时", links.silence)) if pressed else ()
            card |= {"card_type": "text_notice"}
            card["jump_list"] = [{"type": 1, "title": t, "url": u} for t, u in jumps if u]
        return AppMessage(user, self._body("template_card", card))


def outcome(said: Said) -> Outcome:
    """What a call's code means; with code 0 a person may still be named in `invaliduser`."""
    if said.code == 0:
        invalid = str(said.body.get("invaliduser") or said.body.get("unlicenseduser") or "")
        return Refused(f"invalid user: {invalid}"[:200]) if invalid else Sent()
    if said.code == -1:
        return RetryAfter(said.reason, most=_BUSY_TRIES)
    if said.code in (45009, 45033, *_EXPIRED):
        return RetryAfter(said.reason, 61.0, rest=said.code == 45009)
    return Refused(said.reason)
