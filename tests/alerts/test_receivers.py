"""What the robots are told, and what their answers mean."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from opsctl.alerts import text
from opsctl.alerts.batch import Batch
from opsctl.alerts.receiver import Outcome, Refused, Response, RetryAfter, Sent
from opsctl.alerts.receivers.dingtalk import DingTalk, sign
from opsctl.alerts.receivers.webhook import Webhook
from opsctl.alerts.receivers.wecom import WeCom
from opsctl.model.alert import Alert
from opsctl.model.labels import Labels

DINGTALK = DingTalk(api_url="http://d", access_token="t", secret="SEC")
WECOM = WeCom(api_url="http://w", key="k")


def batch(count: int = 1, ends: float | None = None, severity: str = "critical", **more: str) -> Batch:
    alerts = tuple(
        Alert(
            labels=Labels({"alertname": "Broken", "severity": severity, "instance": f"主机{n}"}),
            annotations=Labels({"summary": "订单失败 / orders fail", "description": "很多中文" * 30, "runbook": "rb"}),
            starts_at=1000.0,
            ends_at=ends,
        )
        for n in range(count)
    )
    return Batch(
        receiver="r", group_key="g", group_labels=Labels({"service": "orders"}), alerts=alerts, now=1075.0,
        ack_url="http://o/links/ack/x", details_url="http://o/links/details/x", **more,  # type: ignore[arg-type]
    )  # fmt: skip


def answer(code: int, message: str = "", status: int = 200) -> Response:
    return Response(status, orjson.dumps({"errcode": code, "errmsg": message}))


@pytest.mark.parametrize(
    ("response", "kind", "rest"),
    [
        (answer(0), Sent, False),
        (answer(130101, "send too fast"), RetryAfter, True),
        (answer(310000, "invalid timestamp, more"), RetryAfter, False),
        (answer(310000, "sign not match"), Refused, False),
        (answer(310000, "keywords not in content"), Refused, False),
        (answer(300001, "token is not exist"), Refused, False),
        (answer(-1, "system busy"), RetryAfter, False),
        (Response(200, b"<html>"), RetryAfter, False),
        (Response(200, b"[]"), RetryAfter, False),
        (Response(502, b"bad gateway"), RetryAfter, False),
        (Response(404, b""), Refused, False),
    ],
)
def test_dingtalk_answers(response: Response, kind: type[Outcome], rest: bool) -> None:
    outcome = DINGTALK.outcome(response)
    assert isinstance(outcome, kind)
    assert getattr(outcome, "rest", False) is rest


def test_wecom_answers() -> None:
    assert WECOM.outcome(answer(0)) == Sent()
    busy, fast = WECOM.outcome(answer(-1, "busy")), WECOM.outcome(answer(45009, "freq"))
    assert isinstance(busy, RetryAfter)
    assert busy.most == 3
    assert isinstance(fast, RetryAfter)
    assert fast.rest
    assert isinstance(WECOM.outcome(answer(93000, "invalid")), Refused)


def test_dingtalk_signs_afresh_and_offers_buttons() -> None:
    (request,) = DINGTALK.messages(batch(), 1234.5, "key-1")
    query = parse_qs(urlsplit(request.url).query)
    assert query == {"access_token": ["t"], "timestamp": ["1234500"], "sign": [sign("SEC", 1234500)]}
    body = orjson.loads(request.body)
    assert body["msgtype"] == "actionCard"
    assert body["msgUuid"] == "key-1"
    assert [b["title"] for b in body["actionCard"]["btns"]] == ["认领 ACK", "详情 Details"]
    assert "已持续 1 分 15 秒" in body["actionCard"]["text"]
    assert "订单失败" in request.body.decode()  # unescaped UTF-8


def test_dingtalk_mentions_need_markdown() -> None:
    robot = DingTalk(api_url="http://d", access_token="t", at_mobiles=("13800000001",))
    (request,) = robot.messages(batch(), 0, "k")
    body = orjson.loads(request.body)
    assert body["msgtype"] == "markdown"
    assert "@13800000001" in body["markdown"]["text"]
    assert "/links/ack/x" in body["markdown"]["text"]
    assert body["at"]["atMobiles"] == ["13800000001"]


@pytest.mark.parametrize("count", [1, 9, 400])
def test_oversize_is_shortened_between_characters_and_links_to_the_whole(count: int) -> None:
    (request,) = WECOM.messages(batch(count), 0, "k")
    content = orjson.loads(request.body)["markdown"]["content"]
    assert len(content.encode()) <= 4096
    assert content.endswith("[认领 ACK](http://o/links/ack/x)　[详情 Details](http://o/links/details/x)")
    assert "�" not in content
    (request,) = DINGTALK.messages(batch(count), 0, "k")
    assert len(request.body) <= 20_000


def test_the_worst_leads_and_who_has_it_is_named() -> None:
    made = batch(1, severity="warning")
    worse = replace(made.alerts[0], labels=Labels({"alertname": "Z", "severity": "critical"}),
                    annotations=Labels({"summary": "数据库锁住"}))  # fmt: skip
    both = replace(made, alerts=(*made.alerts, worse), acked=((worse.fingerprint, "刘洋"),))
    assert text.title(both) == "🔴 数据库锁住 等 2 条"
    lines = "\n".join(text.body(both))
    assert lines.index("数据库锁住") < lines.index("**刘洋** 已认领") < lines.index("订单失败")


def test_resolved_messages_say_how_long_it_was() -> None:
    (request,) = DINGTALK.messages(batch(ends=1060.0), 0, "k")
    body = orjson.loads(request.body)
    assert body["msgtype"] == "markdown"
    assert "✅ 已恢复 订单失败" in body["markdown"]["text"]
    assert "历时 1 分" in body["markdown"]["text"]
    assert "认领" not in body["markdown"]["text"]


def test_webhook_statuses() -> None:
    assert isinstance(Webhook(url="http://x", name="n").outcome(Response(429, b"")), RetryAfter)
    assert isinstance(Webhook(url="http://x", name="n").outcome(Response(422, b"no")), Refused)


@pytest.mark.parametrize(("seconds", "said"), [(0, "0 秒"), (59, "59 秒"), (3600, "1 小时"), (90061, "1 天 1 小时")])
def test_durations_in_chinese(seconds: float, said: str) -> None:
    assert text.chinese_duration(seconds) == said


@pytest.mark.parametrize("limit", range(3, 14))
def test_shorten_never_splits_a_character(limit: int) -> None:
    made = text.shorten("a中文b字c", limit)
    assert len(made.encode()) <= limit
    assert "�" not in made
