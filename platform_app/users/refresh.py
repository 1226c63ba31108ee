"""Refresh tokens: opaque, one use each. Pure.

A token is `session ‖ turn ‖ secret ‖ tag`, base64url: the tag (HMAC-SHA256 by a key of ours) tells a forged one from
an old one without looking anywhere, so that nobody can log others out by inventing "old" tokens. The database keeps
only the SHA-256 of the current and the previous one. The next token follows from the one that is used and our key:
who asks twice within the grace window (his answer was lost) gets the same token twice, and the family never forks.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import struct
from dataclasses import dataclass
from typing import Any, Literal

_HEAD = struct.Struct(">QI")
_SECRET, _TAG = 26, 16
_LENGTH = _HEAD.size + _SECRET + _TAG
MOST_CHARS = 80

Verdict = Literal["rotate", "repeat", "reused", "dead"]


@dataclass(frozen=True, slots=True)
class Presented:
    """A token that we made: its session, its turn, what the database would keep of it."""

    session_id: int
    turn: int
    digest: str


def first(session_id: int, key: str) -> str:
    """The token that a login gets."""
    return _seal(session_id, 0, secrets.token_bytes(_SECRET), key)


def successor(token: str, shown: Presented, key: str) -> str:
    """The token that follows `token`; always the same one."""
    secret = hmac.new(key.encode(), b"next:" + token.encode(), hashlib.sha256).digest()[:_SECRET]
    return _seal(shown.session_id, shown.turn + 1, secret, key)


def opened(token: str, key: str) -> Presented | None:
    """What a token says, or None when it is not one of ours."""
    try:
        raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) != _LENGTH or not hmac.compare_digest(_tag(raw[:-_TAG], key), raw[-_TAG:]):
        return None
    session_id, turn = _HEAD.unpack_from(raw)
    return Presented(session_id, turn, digest(token))


def digest(token: str) -> str:
    """What the database keeps of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def judge(shown: Presented, row: Any, now: int, grace: int) -> Verdict:
    """What to do with a token; `row` is its session (columns of users_session) or None.

    `rotate` the current one; `repeat` the answer for the previous one within `grace` seconds; `reused`: an older one,
    so two hold this family; `dead`: the session is over, or the database was put back to before this token.
    """
    if row is None or row.revoked_at is not None or row.expires_at <= now:
        return "dead"
    if shown.turn == row.turn:
        return "rotate" if hmac.compare_digest(shown.digest, row.current_hash) else "dead"
    if shown.turn > row.turn:
        return "dead"
    last = shown.turn == row.turn - 1 and hmac.compare_digest(shown.digest, row.previous_hash)
    return "repeat" if last and now - row.rotated_at <= grace else "reused"


def _seal(session_id: int, turn: int, secret: bytes, key: str) -> str:
    body = _HEAD.pack(session_id, turn) + secret
    return base64.urlsafe_b64encode(body + _tag(body, key)).decode()


def _tag(body: bytes, key: str) -> bytes:
    return hmac.new(key.encode(), b"refresh:" + body, hashlib.sha256).digest()[:_TAG]
