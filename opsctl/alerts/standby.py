"""Fail-over: when a channel is stuck, the next one of its receiver tells what it cannot, and says so. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from opsctl.alerts.delivery import SUPERSEDED, Delivery
from opsctl.alerts.receiver import Integration

REST_SECONDS = 10.0
TRIES = 4
"""A channel that rests longer, or that has failed so often, is stuck."""
NAMES = {
    "dingtalk": "钉钉", "wecom": "企业微信", "wecom_app": "企业微信应用", "feishu": "飞书", "aliyun_sms": "短信",
    "email": "邮件", "webhook": "webhook", "wechat": "企业微信应用",
}  # fmt: skip


def stuck(delivery: Delivery, rest: float) -> bool:
    """Whether a delivery should not wait for its channel any longer. A test message is for that channel alone."""
    return not delivery.batch.test and (rest > REST_SECONDS or delivery.attempts >= TRIES)


def candidates(integration: Integration, integrations: Mapping[str, Integration]) -> list[Integration]:
    """The standbys of the same receiver, in the order of the file; a standby hands on only to later ones."""
    standbys = [i for i in integrations.values() if i.standby and i.receiver == integration.receiver]
    if integration.standby and integration in standbys:
        return standbys[standbys.index(integration) + 1 :]
    return standbys


def take_over(number: int, stuck: Delivery, by: Integration, why: str, now: float) -> Delivery:
    """The standby's delivery of what another one could not send."""
    before, after = (NAMES.get(k, k) for k in (stuck.integration.split("/")[-2], by.impl.kind))
    note = f"{before}暂时无法送达（{why}），由{after}代发 / {by.impl.kind} takes over"
    return replace(
        stuck, id=number, created_at=now, channel=by.impl.channel.name, integration=by.key,
        batch=replace(stuck.batch, note=note), cause=f"takes over #{stuck.id}: {why}", attempts=0, part=0, next_at=0.0,
        status="pending", reason="", possibly_repeated=False, sent_at=None, superseded_by=None,
    )  # fmt: skip


def handed(members: Iterable[Delivery], carrier: Delivery) -> Sequence[Delivery]:
    """Deliveries as the log keeps them once another carries them."""
    reason = f"told by #{carrier.id}: {carrier.cause}"
    return [replace(m, status=SUPERSEDED, superseded_by=carrier.id, reason=reason, next_at=0.0) for m in members]
