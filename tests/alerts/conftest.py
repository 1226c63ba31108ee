"""Robots and running processes for the tests of this room."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.alerts.robots import (
    AGENT,
    CORP,
    CORP_SECRET,
    FEISHU_SECRET,
    HOOK_ID,
    KEY,
    SECRET,
    SIGN,
    SMS_KEY,
    SMS_SECRET,
    TEMPLATE,
    TOKEN,
    Robots,
)
from tests.alerts.running import Running


@pytest.fixture
async def robots() -> AsyncIterator[Robots]:
    made = Robots()
    await made.start()
    yield made
    await made.stop()


Start = Callable[..., Awaitable[Running]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Starts a process off the loop (the robots answer meanwhile); all are stopped at the end."""
    running: list[Running] = []

    async def begin(config: str, *flags: str) -> Running:
        made = await asyncio.to_thread(Running, tmp_path, config, *flags)
        running.append(made)
        return made

    yield begin
    for each in running:
        await asyncio.to_thread(each.stop)


def config(robots: Robots, receiver: str, extra: str = "", **times: str) -> str:
    """A small alertmanager.yml; `receiver` is the body of its only receiver."""
    lines = {"group_wait": "100ms", "group_interval": "1s", "repeat_interval": "1h", **times}
    route = "\n".join(f"  {k}: {v}" for k, v in lines.items())
    body = receiver.format(url=robots.url, token=TOKEN, secret=SECRET, key=KEY)
    for name, value in _NAMES.items():
        body = body.replace(f"<{name}>", value)
    group_by = "" if "group_by" in times else "  group_by: [alertname]\n"
    return f"route:\n  receiver: all\n{group_by}{route}\nreceivers:\n  - name: all\n{body}\n{extra}"


HOOK = "    webhook_configs: [{{url: '{url}/hook'}}]"
DINGTALK = "    dingtalk_configs: [{{api_url: '{url}', access_token: {token}, secret: {secret}}}]"
WECOM = "    wecom_configs: [{{api_url: '{url}', key: {key}}}]"
FEISHU = "    feishu_configs: [{{api_url: '{url}', hook_id: <hook_id>, secret: <feishu_secret>}}]"
APP = (
    "    wecom_app_configs: [{{api_url: '{url}', corp_id: <corp>, agent_id: <agent>, corp_secret: <corp_secret>, "
    "to_users: [zhang, li]}}]"
)
SMS = (
    "    aliyun_sms_configs: [{{api_url: '{url}', access_key_id: <sms_key>, access_key_secret: <sms_secret>, "
    "sign_name: <sign>, template_code: <template>, phones: ['13800000001', '13800000002'], "
    "template_params: {{severity: severity, summary: summary, link: link}}}}]"
)
_NAMES = {
    "hook_id": HOOK_ID, "feishu_secret": FEISHU_SECRET, "corp": CORP, "agent": str(AGENT), "corp_secret": CORP_SECRET,
    "sms_key": SMS_KEY, "sms_secret": SMS_SECRET, "sign": SIGN, "template": TEMPLATE,
}  # fmt: skip
