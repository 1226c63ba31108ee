"""What members say to each other: JSON over HTTP, signed where a key is given."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field

import orjson

from opsctl.cluster.board import Record, record_of

SIGNATURE = "X-Opsctl-Signature"
MOST_BYTES = 256 << 20


@dataclass(frozen=True)
class Word:
    """One call or answer. `label`: the cluster's name; `digest` of the board; `whole`: whether `records` is all of it."""

    name: str
    address: str
    label: str = ""
    digest: str = ""
    members: tuple[str, ...] = ()
    records: tuple[Record, ...] = field(default=())
    whole: bool = False


def packed(word: Word) -> bytes:
    return orjson.dumps({
        "name": word.name, "address": word.address, "label": word.label, "digest": word.digest,
        "members": word.members, "records": [r.json() for r in word.records], "whole": word.whole,
    })  # fmt: skip


def unpacked(body: bytes) -> Word:
    """Raises ValueError."""
    made = orjson.loads(body)
    if not isinstance(made, dict):
        raise ValueError("a word is an object")
    texts = {k: made.get(k, "") for k in ("name", "address", "label", "digest")}
    if not all(isinstance(v, str) and len(v) <= 300 for v in texts.values()) or not texts["name"]:
        raise ValueError("name, address, label and digest are short strings")
    members, records = made.get("members", []), made.get("records", [])
    if not isinstance(members, list) or not all(isinstance(m, str) and len(m) <= 300 for m in members):
        raise ValueError("members are strings")
    if not isinstance(records, list):
        raise ValueError("records are a list")
    return Word(
        **texts, members=tuple(members[:64]), records=tuple(_records(records)), whole=made.get("whole") is True
    )  # fmt: skip


def _records(made: Iterable[object]) -> Iterable[Record]:
    return (record_of(each) for each in made)


def signature(key: bytes, body: bytes) -> str:
    """'' without a key."""
    return hmac.new(key, body, hashlib.sha256).hexdigest() if key else ""


def is_signed(key: bytes, body: bytes, given: str) -> bool:
    return not key or hmac.compare_digest(signature(key, body), given)
