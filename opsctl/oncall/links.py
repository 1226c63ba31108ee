"""Signed links: what a phone may open without a token. They expire, and say by which channel they went out."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

from opsctl.core.errors import Forbidden
from opsctl.core.folder import write_whole

LINK_SECONDS = 72 * 3600
COOKIE_SECONDS = 90 * 86_400


@dataclass(frozen=True)
class Link:
    """What a link is about: a delivery, and the channel it was sent by. `person`: the only one it serves, by the id that
    the channel knows him by (a phone, a userid); '' for a link that was sent to a group.
    """

    delivery: int
    via: str
    person: str = ""


class Links:
    """Signs and reads links and the cookie that remembers who one is. `base` is the external URL."""

    def __init__(self, key: bytes, base: str) -> None:
        self.base = base.rstrip("/")
        self._links = URLSafeTimedSerializer(key, salt="opsctl.link")
        self._people = URLSafeTimedSerializer(key, salt="opsctl.person")

    def url(self, page: str, delivery: int, via: str, person: str = "") -> str:
        """`{base}/links/{page}/{token}`."""
        return f"{self.base}/links/{page}/{self.token(delivery, via, person)}"

    def token(self, delivery: int, via: str, person: str = "") -> str:
        return str(self._links.dumps([delivery, via, person] if person else [delivery, via]))

    def read(self, token: str) -> Link:
        """Raises Forbidden for a forged or expired link."""
        try:
            delivery, via, *person = self._links.loads(token, max_age=LINK_SECONDS)
        except SignatureExpired as error:
            raise Forbidden("链接已过期 / this link has expired", "用新消息里的链接，或 opsctl alerts ack") from error
        except (BadSignature, ValueError, TypeError) as error:
            raise Forbidden("链接无效 / this link is not valid", "从消息里重新打开") from error
        return Link(int(delivery), str(via), str(person[0]) if person else "")

    def cookie(self, person: str) -> str:
        return str(self._people.dumps(person))

    def person(self, cookie: str) -> str:
        """Who a cookie says one is, or '' when it says nothing valid."""
        try:
            return str(self._people.loads(cookie, max_age=COOKIE_SECONDS))
        except BadSignature:
            return ""


def load_key(path: Path) -> bytes:
    """The signing key, made at the first call, mode 0600."""
    if not path.exists():
        write_whole(path, secrets.token_hex(32).encode())
    return path.read_bytes().strip()
