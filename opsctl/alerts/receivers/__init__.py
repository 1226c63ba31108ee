"""The channels: one file each, one entry in FAMILY each."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from opsctl.alerts.documents.aliyun_sms import AliyunSmsOf
from opsctl.alerts.documents.dingtalk import DingTalkOf
from opsctl.alerts.documents.feishu import FeishuOf
from opsctl.alerts.documents.heartbeat import HeartbeatOf
from opsctl.alerts.documents.oncall import OnCallOf
from opsctl.alerts.documents.wecom import WeComOf
from opsctl.alerts.documents.wecom_app import WeComAppOf
from opsctl.alerts.receiver import Receiver, channel_name
from opsctl.alerts.receivers.aliyun_sms import FIELDS
from opsctl.alerts.receivers.dingtalk import DingTalk
from opsctl.alerts.receivers.email import build_email
from opsctl.alerts.receivers.feishu import Feishu
from opsctl.alerts.receivers.heartbeat import Heartbeat
from opsctl.alerts.receivers.oncall import OnCallReceiver
from opsctl.alerts.receivers.webhook import build_webhook
from opsctl.alerts.receivers.wechat import build_wechat
from opsctl.alerts.receivers.wecom import WeCom
from opsctl.alerts.receivers.wecom_app import WeComApp
from opsctl.alerts.setting import Setting
from opsctl.alerts.shared import Shared
from opsctl.alerts.wecom_crypto import CallbackCrypto


def _each(robots: tuple[Any, ...], secret: Setting, one: Callable[[Setting], Receiver]) -> Receiver:
    """The robot of an entry, or all its `robots`, which share the load."""
    if not robots:
        return one(secret)
    return Shared(tuple(one(secret.inside("robots", n)) for n in range(len(robots))))


def _dingtalk(made: DingTalkOf, secret: Setting) -> Receiver:
    def one(its: Setting) -> Receiver:
        return DingTalk(
            api_url=made.api_url, access_token=its("access_token"), secret=its.given("secret"),
            send_resolved=made.send_resolved, at_mobiles=made.at_mobiles, rate_per_minute=made.rate_per_minute,
        )  # fmt: skip

    return _each(made.robots, secret, one)


def _wecom(made: WeComOf, secret: Setting) -> Receiver:
    def one(its: Setting) -> Receiver:
        return WeCom(
            api_url=made.api_url, key=its("key"), send_resolved=made.send_resolved,
            mentioned_list=made.mentioned_list, rate_per_minute=made.rate_per_minute,
        )  # fmt: skip

    return _each(made.robots, secret, one)


def _feishu(made: FeishuOf, secret: Setting) -> Receiver:
    def one(its: Setting) -> Receiver:
        return Feishu(
            api_url=made.api_url, hook_id=its("hook_id"), secret=its.given("secret"), send_resolved=made.send_resolved,
            at_users=made.at_users, rate_per_minute=made.rate_per_minute,
        )  # fmt: skip

    return _each(made.robots, secret, one)


def _wecom_app(made: WeComAppOf, secret: Setting) -> Receiver:
    token, key = secret.given("callback_token"), secret.given("callback_aes_key")
    if not made.to_users or not all(made.to_users):
        raise secret.refuse("to_users", "names at least one person, each by his userid")
    if bool(token) != bool(key):
        raise secret.refuse("callback_token", "callback_token and callback_aes_key go together")
    if key:
        try:
            CallbackCrypto(token, key, made.corp_id)
        except ValueError as error:
            raise secret.refuse("callback_aes_key", f"not a key of 43 characters: {error}") from error
    return WeComApp(
        api_url=made.api_url, corp_id=made.corp_id, agent_id=made.agent_id, corp_secret=secret("corp_secret"),
        people=made.to_users, callback_token=token, callback_aes_key=key, send_resolved=made.send_resolved,
        rate_per_minute=made.rate_per_minute,
    )  # fmt: skip


def _aliyun_sms(made: AliyunSmsOf, secret: Setting) -> Receiver:
    if not made.phones or not all(made.phones):
        raise secret.refuse("phones", "names at least one phone")
    for name, field in made.template_params.items():
        if field not in FIELDS:
            raise secret.refuse("template_params", f"{name}: {field!r} is none of {', '.join(FIELDS)}")
    try:  # an extra, and slow to import: only who configures it pays for it
        sdk = importlib.import_module("opsctl.alerts.receivers.aliyun_sms_sdk")
    except ModuleNotFoundError as error:
        raise secret.refuse("phones", f"{error.name} is not installed: pip install 'opsctl[platform]'") from error
    made_of: Receiver = sdk.AliyunSms(
        api_url=made.api_url, access_key_id=made.access_key_id, access_key_secret=secret("access_key_secret"),
        sign_name=made.sign_name, template_code=made.template_code, people=made.phones,
        template_params=made.template_params, send_resolved=made.send_resolved, rate_per_minute=made.rate_per_minute,
        rate_per_hour=made.rate_per_hour, rate_per_day=made.rate_per_day,
    )  # fmt: skip
    return made_of


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
    ("wecom_app_configs", _wecom_app),
    ("feishu_configs", _feishu),
    ("aliyun_sms_configs", _aliyun_sms),
    ("heartbeat_configs", _heartbeat),
    ("oncall_configs", _oncall),
)
