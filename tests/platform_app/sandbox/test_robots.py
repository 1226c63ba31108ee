"""DingTalk and WeCom robots: true checks, limits and error codes, always HTTP 200."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import aiohttp

from platform_app.kit.config import PlatformConfig
from platform_app.sandbox.robots.answer import Refused
from platform_app.sandbox.robots.dingtalk import DingTalkRobot, sign
from platform_app.sandbox.robots.wecom import WeComRobot
from platform_app.sandbox.world import World

NOW = 1_790_000_000.0
TEXT = b'{"msgtype":"text","text":{"content":"hello"}}'


def signed(at: float, secret: str = "SECx") -> dict[str, str]:
    stamp = str(int(at * 1000))
    return {"access_token": "t", "timestamp": stamp, "sign": sign(secret, stamp)}


def code(robot: DingTalkRobot | WeComRobot, query: dict[str, str], body: bytes, now: float = NOW) -> int:
    try:
        robot.take(query, body, now)
    except Refused as refused:
        return refused.errcode
    return 0


def test_dingtalk_checks_token_sign_and_clock() -> None:
    robot = DingTalkRobot("t", "SECx")
    assert code(robot, signed(NOW), TEXT) == 0
    assert code(robot, signed(NOW) | {"access_token": "other"}, TEXT) == 300001
    assert code(robot, signed(NOW, "SECy"), TEXT) == 310000
    assert code(robot, signed(NOW - 3601), TEXT) == 310000
    assert code(robot, signed(NOW - 3500), TEXT) == 0
    assert code(robot, {"access_token": "t"}, TEXT) == 310000


def test_dingtalk_mutes_for_ten_minutes_after_twenty_in_a_minute() -> None:
    robot = DingTalkRobot("t", "")
    query = {"access_token": "t"}
    assert [code(robot, query, TEXT, NOW + n) for n in range(20)] == [0] * 20
    assert code(robot, query, TEXT, NOW + 20) == 130101
    assert code(robot, query, TEXT, NOW + 619) == 130101
    assert code(robot, query, TEXT, NOW + 621) == 0
    calm = DingTalkRobot("t", "")
    assert {code(calm, query, TEXT, NOW + 3 * n) for n in range(100)} == {0}


def test_dingtalk_checks_size_kind_fields_and_keywords() -> None:
    robot = DingTalkRobot("t", "", keywords=("告警",))
    query = {"access_token": "t"}
    big = '{"msgtype":"text","text":{"content":"告警%s"}}' % ("x" * 20_000)
    assert code(robot, query, big.encode()) == 460101
    assert code(robot, query, TEXT) == 310000
    assert code(robot, query, b"[]") == 40035
    assert code(robot, query, b'{"msgtype":"voice","voice":{}}') == 400105
    assert code(robot, query, b'{"msgtype":"markdown","markdown":{"text":"x"}}') == 40035
    card = '{"msgtype":"actionCard","actionCard":{"title":"告警","text":"x","btns":[{"title":"ok","actionURL":"http://a"}]}}'
    shown, _ = robot.take(query, card.encode(), NOW)
    assert [(link.title, link.url) for link in shown.links] == [("ok", "http://a")]


def test_wecom_checks_key_sizes_and_frequency() -> None:
    robot = WeComRobot("k")
    assert code(robot, {"key": "x"}, TEXT) == 93000
    assert code(robot, {"key": "k"}, b'{"msgtype":"text","text":{"content":"%s"}}' % (b"x" * 2049)) == 40058
    assert code(robot, {"key": "k"}, b'{"msgtype":"text","text":{"content":"%s"}}' % (b"x" * 2048)) == 0
    assert code(robot, {"key": "k"}, b'{"msgtype":"markdown","markdown":{"content":"%s"}}' % (b"x" * 4097)) == 40058
    assert code(robot, {"key": "k"}, b'{"msgtype":"card"}') == 40008
    assert [code(robot, {"key": "k"}, TEXT) for _ in range(20)] == [0] * 19 + [45009]
    assert code(robot, {"key": "k"}, TEXT, NOW + 61) == 0


async def test_over_http_a_refusal_is_200_and_reaches_no_phone(
    world: World, config: PlatformConfig, http: aiohttp.ClientSession
) -> None:
    base, folder = f"http://{config.sandbox.listen}", Path(config.sandbox.secrets_folder)
    secret = (folder / "dingtalk_secret").read_text()
    query = signed(time.time(), secret) | {"access_token": "demo-token"}

    async def send(path: str, params: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
        async with http.post(base + path, params=params, json=body) as answer:
            assert answer.status == 200
            return dict(await answer.json())

    mark = {"msgtype": "markdown", "markdown": {"title": "支付告警", "text": "### 支付告警"}}
    assert (await send("/robot/send", query | {"sign": "x"}, mark))["errcode"] == 310000
    assert await send("/robot/send", query, mark) == {"errcode": 0, "errmsg": "ok"}
    key = {"key": (folder / "wecom_key").read_text()}
    note = {"msgtype": "text", "text": {"content": "支付恢复"}}
    assert (await send("/cgi-bin/webhook/send", key, note))["errcode"] == 0
    fault = f"http://{config.sandbox.admin_listen}/faults/robots_errcode"
    await http.put(fault, json={"on": True, "channel": "wecom"})
    assert (await send("/cgi-bin/webhook/send", key, note))["errcode"] == -1
    assert (await send("/robot/send", query, mark))["errcode"] == 0
    async with http.get(f"{base}/api/wall") as answer:
        wall = (await answer.json())["messages"]
    assert [m["channel"] for m in wall] == ["dingtalk", "wecom", "dingtalk"]
    assert wall[0]["title"] == "支付告警"
