"""The channels: one file each, one entry in FAMILY each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from opsctl.alerts.documents.dingtalk import DingTalkOf
from opsctl.alerts.documents.heartbeat import HeartbeatOf
from opsctl.alerts.documents.oncall import OnCallOf
from opsctl.alerts.documents.webhook import WebhookOf
from opsctl.alerts.documents.wecom import WeComOf
from opsctl.alerts.receiver import Receiver
from opsctl.alerts.receivers.dingtalk import DingTalk
from opsctl.alerts.receivers.heartbeat import Heartbeat
from opsctl.alerts.receivers.oncall import OnCallReceiver
from opsctl.alerts.receivers.webhook import Webhook
from opsctl.alerts.receivers.wecom import WeCom

Secret = Callable[[str], str]
"""Gives a required value by field name: the field itself, or the content of the file in `<field>_file`."""


def _name(kind: str, url: str) -> str:
    return f"{kind}:{hashlib.sha256(url.encode()).hexdigest()[:12]}"


def _webhook(made: WebhookOf, secret: Secret) -> Receiver:
    url = secret("url")
    return Webhook(
        url=url, name=_name("webhook", url), send_resolved=made.send_resolved, max_alerts=made.max_alerts,
        timeout=made.timeout,
    )  # fmt: skip


def _dingtalk(made: DingTalkOf, secret: Secret) -> Receiver:
    has_secret = made.secret or made.secret_file
    return DingTalk(
        api_url=made.api_url, access_token=secret("access_token"), secret=secret("secret") if has_secret else "",
        send_resolved=made.send_resolved, at_mobiles=made.at_mobiles, rate_per_minute=made.rate_per_minute,
    )  # fmt: skip


def _wecom(made: WeComOf, secret: Secret) -> Receiver:
    return WeCom(
        api_url=made.api_url, key=secret("key"), send_resolved=made.send_resolved,
        mentioned_list=made.mentioned_list, rate_per_minute=made.rate_per_minute,
    )  # fmt: skip


def _heartbeat(made: HeartbeatOf, secret: Secret) -> Receiver:
    url = secret("url")
    return Heartbeat(url=url, name=_name("heartbeat", url), interval=made.interval)


def _oncall(made: OnCallOf, secret: Secret) -> Receiver:
    return OnCallReceiver(policy=made.policy, schedule=made.schedule, via=made.via, send_resolved=made.send_resolved)


FAMILY: tuple[tuple[str, Callable[[Any, Secret], Receiver]], ...] = (
    ("webhook_configs", _webhook),
    ("dingtalk_configs", _dingtalk),
    ("wecom_configs", _wecom),
    ("heartbeat_configs", _heartbeat),
    ("oncall_configs", _oncall),
)
