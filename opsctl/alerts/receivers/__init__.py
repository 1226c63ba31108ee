"""The channels: one file each, one entry in FAMILY each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opsctl.alerts.documents.dingtalk import DingTalkOf
from opsctl.alerts.documents.heartbeat import HeartbeatOf
from opsctl.alerts.documents.oncall import OnCallOf
from opsctl.alerts.documents.wecom import WeComOf
from opsctl.alerts.receiver import Receiver, channel_name
from opsctl.alerts.receivers.dingtalk import DingTalk
from opsctl.alerts.receivers.email import build_email
from opsctl.alerts.receivers.heartbeat import Heartbeat
from opsctl.alerts.receivers.oncall import OnCallReceiver
from opsctl.alerts.receivers.webhook import build_webhook
from opsctl.alerts.receivers.wechat import build_wechat
from opsctl.alerts.receivers.wecom import WeCom
from opsctl.alerts.setting import Setting


def _dingtalk(made: DingTalkOf, secret: Setting) -> Receiver:
    return DingTalk(
        api_url=made.api_url, access_token=secret("access_token"), secret=secret.given("secret"),
        send_resolved=made.send_resolved, at_mobiles=made.at_mobiles, rate_per_minute=made.rate_per_minute,
    )  # fmt: skip


def _wecom(made: WeComOf, secret: Setting) -> Receiver:
    return WeCom(
        api_url=made.api_url, key=secret("key"), send_resolved=made.send_resolved,
        mentioned_list=made.mentioned_list, rate_per_minute=made.rate_per_minute,
    )  # fmt: skip


def _heartbeat(made: HeartbeatOf, secret: Setting) -> Receiver:
    url = secret("url")
    return Heartbeat(url=url, name=channel_name("heartbeat", url), interval=made.interval)


def _oncall(made: OnCallOf, secret: Setting) -> Receiver:
    return OnCallReceiver(policy=made.policy, schedule=made.schedule, via=made.via, send_resolved=made.send_resolved)


FAMILY: tuple[tuple[str, Callable[[Any, Setting], Receiver]], ...] = (
    ("webhook_configs", build_webhook),
    ("email_configs", build_email),
    ("wechat_configs", build_wechat),
    ("dingtalk_configs", _dingtalk),
    ("wecom_configs", _wecom),
    ("heartbeat_configs", _heartbeat),
    ("oncall_configs", _oncall),
)
