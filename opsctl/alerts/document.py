"""alertmanager.yml as it is written: Alertmanager's keys, and the receivers that we add."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated

from pydantic import Field

from opsctl.alerts.documents.aliyun_sms import AliyunSmsOf
from opsctl.alerts.documents.dingtalk import DingTalkOf
from opsctl.alerts.documents.email import EmailOf
from opsctl.alerts.documents.feishu import FeishuOf
from opsctl.alerts.documents.flapping import FlappingOf
from opsctl.alerts.documents.globals import GlobalOf
from opsctl.alerts.documents.heartbeat import HeartbeatOf
from opsctl.alerts.documents.oncall import OnCallOf
from opsctl.alerts.documents.values import Positive, Span
from opsctl.alerts.documents.webhook import WebhookOf
from opsctl.alerts.documents.wechat import WechatOf
from opsctl.alerts.documents.wecom import WeComOf
from opsctl.alerts.documents.wecom_app import WeComAppOf
from opsctl.core.document import document


@document
class RouteOf:
    """One node of the route tree; what is not given is the parent's."""

    receiver: str = ""
    group_by: tuple[str, ...] | None = None
    match: dict[str, str] = field(default_factory=dict)
    match_re: dict[str, str] = field(default_factory=dict)
    matchers: tuple[str, ...] = ()
    go_on: Annotated[bool, Field(alias="continue")] = False
    group_wait: Span | None = None
    group_interval: Positive | None = None
    repeat_interval: Positive | None = None
    mute_time_intervals: tuple[str, ...] = ()
    active_time_intervals: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    routes: tuple[RouteOf, ...] = ()


@document
class InhibitOf:
    """While a source alert fires, target alerts with the same values of `equal` are not notified."""

    name: str = ""
    source_match: dict[str, str] = field(default_factory=dict)
    source_match_re: dict[str, str] = field(default_factory=dict)
    source_matchers: tuple[str, ...] = ()
    target_match: dict[str, str] = field(default_factory=dict)
    target_match_re: dict[str, str] = field(default_factory=dict)
    target_matchers: tuple[str, ...] = ()
    equal: tuple[str, ...] = ()


@document
class TimesOf:
    """From `start_time` up to `end_time` (not included), each HH:MM, at most 24:00."""

    start_time: str = ""
    end_time: str = ""


@document
class WindowOf:
    """All that are given must hold. Source: alertmanager timeinterval."""

    times: tuple[TimesOf, ...] = ()
    weekdays: tuple[str, ...] = ()
    days_of_month: tuple[str, ...] = ()
    months: tuple[str, ...] = ()
    years: tuple[str, ...] = ()
    location: str = "UTC"


@document
class IntervalOf:
    """A named list of windows; inside one of them is inside the interval."""

    name: str = ""
    time_intervals: tuple[WindowOf, ...] = ()


@document
class ReceiverOf:
    """A named list of integrations; a receiver without any swallows its alerts. `labels`: to find it by."""

    name: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    webhook_configs: tuple[WebhookOf, ...] = ()
    email_configs: tuple[EmailOf, ...] = ()
    wechat_configs: tuple[WechatOf, ...] = ()
    dingtalk_configs: tuple[DingTalkOf, ...] = ()
    wecom_configs: tuple[WeComOf, ...] = ()
    wecom_app_configs: tuple[WeComAppOf, ...] = ()
    feishu_configs: tuple[FeishuOf, ...] = ()
    aliyun_sms_configs: tuple[AliyunSmsOf, ...] = ()
    heartbeat_configs: tuple[HeartbeatOf, ...] = ()
    oncall_configs: tuple[OnCallOf, ...] = ()


@document
class AlertmanagerOf:
    """The whole of alertmanager.yml."""

    settings: Annotated[GlobalOf, Field(alias="global")] = field(default_factory=GlobalOf)
    route: RouteOf | None = None
    inhibit_rules: tuple[InhibitOf | None, ...] = ()
    receivers: tuple[ReceiverOf, ...] = ()
    time_intervals: tuple[IntervalOf, ...] = ()
    mute_time_intervals: tuple[IntervalOf, ...] = ()
    templates: tuple[str, ...] = ()
    flapping: FlappingOf = field(default_factory=FlappingOf)
