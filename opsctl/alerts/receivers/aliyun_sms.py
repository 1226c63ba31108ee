"""Aliyun SMS: a template's variables filled from a batch, one message a phone.

What an answer means is here, the call in aliyun_sms_sdk.py. Source: Alibaba Cloud SMS, "SendSms" and its error codes.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from opsctl.alerts import text
from opsctl.alerts.batch import Batch, LinkSet
from opsctl.alerts.receiver import Outcome, Refused, RetryAfter, Sent
from opsctl.core.clock import local

VARIABLE = 35
"""Most characters of a variable, as Aliyun has it."""
_LIMITED = "isv.BUSINESS_LIMIT_CONTROL"
_AGAIN = ("isp.SYSTEM_ERROR", "Throttling", "ServiceUnavailable", "InternalError")


@dataclass(frozen=True)
class Sms:
    """One message: to whom, and the template's variables as JSON."""

    phone: str
    parameters: str


def messages(batch: Batch, phones: tuple[str, ...], wanted: dict[str, str]) -> tuple[Sms, ...]:
    """One a phone, each with a link of its own; shortened to what a variable may hold."""
    links = dict(batch.personal)
    return tuple(Sms(p, orjson.dumps(_filled(batch, links.get(p, LinkSet()), wanted)).decode()) for p in phones)


def _filled(batch: Batch, links: LinkSet, wanted: dict[str, str]) -> dict[str, str]:
    values = values_of(batch, links)
    return {name: values[field] for name, field in wanted.items()}


def values_of(batch: Batch, links: LinkSet) -> dict[str, str]:
    """What the variables of a template may show."""
    lead = text.worst_first(batch.firing or batch.alerts)[0]
    count = len(batch.firing or batch.alerts)
    state = "测试" if batch.test else text.severity_name(batch) if batch.firing else "已恢复"
    summary = f"{text.headline(lead)}{f'等{count}条' if count > 1 else ''}"
    return {
        "severity": state, "summary": _short(summary, f"等{count}条" if count > 1 else ""), "count": str(count),
        "since": local(lead.starts_at, "%m-%d %H:%M"), "link": links.ack if batch.firing and links.ack else links.details,
    }  # fmt: skip


FIELDS = ("severity", "summary", "count", "since", "link")


def _short(written: str, tail: str) -> str:
    room = VARIABLE - len(tail)
    return written if len(written) <= VARIABLE else f"{written[: room - 1]}…{tail}"


def meaning(code: str, words: str, status: int = 200) -> Outcome:
    """What Aliyun's code means: too many for this phone this minute is tried again, this hour or day is refused."""
    if code == "OK":
        return Sent()
    reason = f"{code}: {words}"[:500]
    if code == _LIMITED:
        long = any(word in words.lower() for word in ("天", "day", "小时", "hour"))
        return Refused(reason) if long else RetryAfter(reason, 61.0)
    if status >= 500 or status == 429 or code.startswith(_AGAIN):
        return RetryAfter(reason)
    return Refused(reason)
