"""DingTalk's custom robot. Source: open.dingtalk.com, "custom robot access" and its error codes."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from platform_app.sandbox.robots.answer import Refused, Shown, parse_object
from platform_app.sandbox.wall import Link
from platform_app.sandbox.window import MutingWindow

MAX_BYTES = 20_000
SKEW_MS = 3_600_000
MORE = "more: [https://ding-doc.dingtalk.com/doc#/serverapi2/qf2nxq]"


def sign(secret: str, timestamp_ms: str) -> str:
    """base64(HMAC-SHA256(secret, "{timestamp}\\n{secret}")), before URL encoding."""
    return b64encode(hmac.digest(secret.encode(), f"{timestamp_ms}\n{secret}".encode(), sha256)).decode()


class DingTalkRobot:
    """One robot of one group: its token, its secret, its keywords, its limit of 20 a minute."""

    def __init__(self, token: str, secret: str, keywords: tuple[str, ...] = ()) -> None:
        self._token = token
        self._secret = secret
        self._keywords = keywords
        self._limit = MutingWindow(20, 60, 600)

    def take(self, query: Mapping[str, str], body: bytes, now: float) -> tuple[Shown, dict[str, Any]]:
        """Checks a message; returns it as the group sees it, and its body. Raises Refused."""
        self._check_token(query.get("access_token", ""))
        self._check_sign(query.get("timestamp", ""), query.get("sign", ""), now)
        if len(body) > MAX_BYTES:
            raise Refused(460101, "message too long, exceed 20000 bytes")
        data = parse_object(body, Refused(40035, "缺少参数 json"))
        shown = read(data)
        if self._keywords and not any(k in shown.title + shown.text for k in self._keywords):
            raise Refused(310000, f"keywords not in content, {MORE}")
        if not self._limit.take(now):
            raise Refused(130101, "send too fast, exceed 20 times per minute")
        return shown, data

    def _check_token(self, token: str) -> None:
        if not token:
            raise Refused(300001, "缺少参数 access_token")
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            raise Refused(300001, "token is not exist")

    def _check_sign(self, timestamp: str, signature: str, now: float) -> None:
        if not self._secret:
            return
        if not timestamp.isdigit() or abs(now * 1000 - int(timestamp)) > SKEW_MS:
            raise Refused(310000, f"invalid timestamp, {MORE}")
        if not hmac.compare_digest(signature.encode(), sign(self._secret, timestamp).encode()):
            raise Refused(310000, f"sign not match, {MORE}")


def read(data: dict[str, Any]) -> Shown:
    """A message body as the group sees it. Raises Refused."""
    kind = data.get("msgtype")
    part = data.get(str(kind))
    if kind not in READERS:
        raise Refused(400105, f"不支持的消息类型: {kind}")
    if not isinstance(part, dict):
        raise Refused(40035, f"缺少参数 {kind}")
    return READERS[kind](part)


def _text(part: dict[str, Any]) -> Shown:
    return Shown(_need(part, "text", "content"))


def _markdown(part: dict[str, Any]) -> Shown:
    return Shown(_need(part, "markdown", "text"), _need(part, "markdown", "title"))


def _link(part: dict[str, Any]) -> Shown:
    url = _need(part, "link", "messageUrl")
    title = _need(part, "link", "title")
    return Shown(_need(part, "link", "text"), title, (Link(title, url),))


def _action_card(part: dict[str, Any]) -> Shown:
    title, text = _need(part, "actionCard", "title"), _need(part, "actionCard", "text")
    if "btns" not in part:
        single = Link(_need(part, "actionCard", "singleTitle"), _need(part, "actionCard", "singleURL"))
        return Shown(text, title, (single,))
    buttons = part["btns"]
    if not isinstance(buttons, list) or not buttons or not all(isinstance(b, dict) for b in buttons):
        raise Refused(40035, "不合法的参数 actionCard.btns")
    links = (Link(_need(b, "btns", "title"), _need(b, "btns", "actionURL")) for b in buttons)
    return Shown(text, title, tuple(links))


READERS = {"text": _text, "markdown": _markdown, "link": _link, "actionCard": _action_card}


def _need(part: dict[str, Any], kind: str, key: str) -> str:
    value = part.get(key)
    if not isinstance(value, str) or not value:
        raise Refused(40035, f"缺少参数 {kind}.{key}")
    return value
