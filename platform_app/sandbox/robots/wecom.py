"""WeCom's group robot. Source: developer.work.weixin.qq.com, "group robot configuration"."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from platform_app.sandbox.robots.answer import Refused, Shown, parse_object
from platform_app.sandbox.wall import Link
from platform_app.sandbox.window import Window

MAX_BYTES = {"text": 2048, "markdown": 4096, "markdown_v2": 4096}


class WeComRobot:
    """One robot of one group: its key and its limit of 20 a minute."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._limit = Window(20, 60)

    def take(self, query: Mapping[str, str], body: bytes, now: float) -> tuple[Shown, dict[str, Any]]:
        """Checks a message; returns it as the group sees it, and its body. Raises Refused."""
        if not hmac.compare_digest(query.get("key", "").encode(), self._key.encode()):
            raise Refused(93000, "invalid webhook url")
        data = parse_object(body, Refused(47001, "data format error"))
        shown = read(data)
        if not self._limit.take(now):
            raise Refused(45009, "api freq out of limit")
        return shown, data


def read(data: dict[str, Any]) -> Shown:
    """A message body as the group sees it. Raises Refused."""
    kind = data.get("msgtype")
    part = data.get(str(kind))
    if kind == "news" and isinstance(part, dict):
        return _news(part)
    if kind not in MAX_BYTES:
        raise Refused(40008, "invalid message type")
    if not isinstance(part, dict) or not isinstance(part.get("content"), str) or not part["content"]:
        raise Refused(44004, f"{kind}.content is empty")
    content: str = part["content"]
    if len(content.encode()) > MAX_BYTES[kind]:
        raise Refused(40058, f"{kind}.content exceed max length {MAX_BYTES[kind]}. invalid Request Parameter")
    return Shown(content)


def _news(part: dict[str, Any]) -> Shown:
    articles = part.get("articles")
    if not isinstance(articles, list) or not 1 <= len(articles) <= 8:
        raise Refused(40058, "news.articles must have 1 to 8 entries. invalid Request Parameter")
    if not all(isinstance(a, dict) and a.get("title") and a.get("url") for a in articles):
        raise Refused(40058, "news.articles title or url missing. invalid Request Parameter")
    links = tuple(Link(str(a["title"]), str(a["url"])) for a in articles)
    return Shown(str(articles[0].get("description", "")), links[0].title, links)
