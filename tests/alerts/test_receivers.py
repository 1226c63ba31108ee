"""What the robots are told, and what their answers mean."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as some

from opsctl.alerts import digest_text, text
from opsctl.alerts.batch import Batch, LinkSet
from opsctl.alerts.receiver import Outcome, Refused, Response, RetryAfter, Sent
from opsctl.alerts.receivers import aliyun_sms
from opsctl.alerts.receivers.dingtalk import DingTalk, sign
from opsctl.alerts.receivers.errcode import json_bytes
from opsctl.alerts.receivers.feishu import Feishu
from opsctl.alerts.receivers.webhook import Webhook
from opsctl.alerts.receivers.wecom import WeCom
from opsctl.alerts.receivers.wecom_app import WeComApp
from opsctl.alerts.shared import Shared
from opsctl.alerts.spark import figure
from opsctl.model.alert import Alert
from opsctl.model.labels import Labels
from opsctl.model.person import Person

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
    assert isinstance(Webhook(url="http://x", name="n").outcome(Response(422, b"no")), Refused)


@pytest.mark.parametrize(("seconds", "said"), [(0, "0 秒"), (59, "59 秒"), (3600, "1 小时"), (90061, "1 天 1 小时")])
def test_durations_in_chinese(seconds: float, said: str) -> None:
    assert text.chinese_duration(seconds) == said


@pytest.mark.parametrize("limit", range(3, 14))
def test_shorten_never_splits_a_character(limit: int) -> None:
    made = text.shorten("a中文b字c", limit)
    assert len(made.encode()) <= limit
    assert "�" not in made


def test_feishu_signs_with_the_text_as_key_and_shows_a_card() -> None:
    robot = Feishu(api_url="http://f", hook_id="h", secret="S", at_users=("ou_1",))
    (request,) = robot.messages(batch(), 1234.9, "k")
    body = orjson.loads(request.body)
    assert request.url == "http://f/open-apis/bot/v2/hook/h"
    wanted = base64.b64encode(hmac.digest(b"1234\nS", b"", hashlib.sha256)).decode()
    assert (body["timestamp"], body["sign"]) == ("1234", wanted)
    card = body["card"]
    assert card["header"] == {"title": {"tag": "plain_text", "content": "🔴 订单失败"}, "template": "red"}
    assert card["elements"][1]["content"] == "<at id=ou_1></at>"
    assert [b["text"]["content"] for b in card["elements"][2]["actions"]] == ["认领 ACK", "详情 Details"]
    assert "订单失败" in request.body.decode()
    (request,) = robot.messages(batch(400), 0, "k")
    assert len(request.body) <= 20 * 1024


def test_a_wecom_app_writes_a_card_to_each_with_links_of_his_own() -> None:
    links = tuple((p, LinkSet(f"http://o/ack/{p}", f"http://o/silence/{p}", f"http://o/d/{p}")) for p in ("z", "l"))
    app = WeComApp(api_url="http://w", corp_id="c", agent_id=7, corp_secret="s", people=("z", "l"))
    first, second = app.messages(replace(batch(), personal=links), 0.0, "opsctl-1-0-5")
    assert (first.user, second.user) == ("z", "l")
    card = first.body["template_card"]
    assert (first.body["agentid"], first.body["enable_duplicate_check"], card["task_id"]) == (7, 1, "opsctl-1-0-5@z")
    assert [j["url"] for j in card["jump_list"]] == ["http://o/ack/z", "http://o/silence/z"]
    assert card["card_action"]["url"] == "http://o/d/z"
    assert card["main_title"]["title"] == "🔴 订单失败"
    calling = replace(app, callback_token="t", callback_aes_key="k")
    card = calling.messages(replace(batch(), personal=links), 0.0, "k")[1].body["template_card"]
    assert card["card_type"] == "button_interaction"
    over = calling.messages(replace(batch(ends=1060.0), personal=links), 0.0, "k")[0].body["template_card"]
    assert (over["card_type"], over["jump_list"]) == ("text_notice", [])
    pages = app.messages(replace(batch(300), personal=links, digest=True), 0.0, "k")
    assert len(pages) % 2 == 0
    assert all(len(p.body["markdown"]["content"].encode()) <= 2048 for p in pages)
    assert app.channel.people == 2


def test_sms_fits_what_a_variable_may_hold() -> None:
    (sms,) = aliyun_sms.messages(batch(12), ("138",), {"severity": "severity", "summary": "summary", "n": "count"})
    assert orjson.loads(sms.parameters) == {"severity": "严重", "summary": "订单失败等12条", "n": "12"}
    long = replace(batch(3), alerts=tuple(
        replace(a, annotations=Labels({"summary": "长" * 80})) for a in batch(3).alerts
    ))  # fmt: skip
    (sms,) = aliyun_sms.messages(long, ("138",), {"summary": "summary"})
    shown = orjson.loads(sms.parameters)["summary"]
    assert len(shown) == 35
    assert shown.endswith("…等3条")


@given(some.lists(some.tuples(some.text(max_size=300), some.text(max_size=300)), min_size=1, max_size=60),
       some.integers(1500, 5000))  # fmt: skip
def test_digests_name_everything_within_the_limit(names: list[tuple[str, str]], limit: int) -> None:
    alerts = tuple(
        Alert(
            labels=Labels({"alertname": name, "instance": instance, "n": str(n)}), annotations=Labels(), starts_at=0.0
        )
        for n, (name, instance) in enumerate(names)
    )
    made = Batch(receiver="r", group_key="digest/1", group_labels=Labels(), alerts=alerts, now=0.0, digest=True)
    pages = digest_text.pages(made, limit, json_bytes, "\n\n")
    assert all(json_bytes(p) <= limit for p in pages)
    told = "\n".join(pages)
    for name, instance in names:
        assert text.shorten(name or "alert", 200) in told
        assert text.shorten(instance, 200) in told
    bodies = DINGTALK.messages(made, 0, "k")
    assert all(len(b.body) <= 20_000 for b in bodies)


def test_a_digest_groups_by_name_and_says_its_page() -> None:
    made = replace(batch(3, severity="warning"), digest=True)
    over = replace(made.alerts[0], labels=Labels({"alertname": "Gone", "instance": "h9"}), ends_at=1060.0)
    (page,) = digest_text.pages(replace(made, alerts=(*made.alerts, over)), 4000, text.utf8_bytes)
    assert page == ("📦 **告警汇总** 3 条触发，1 条恢复 / digest\n🟠 **Broken**：主机0、主机1、主机2\n✅ 恢复 Gone@h9")
    assert digest_text.pages(replace(batch(300), digest=True), 2000, text.utf8_bytes)[1].startswith(
        "📦 **告警汇总**（2/"
    )


def test_the_number_and_its_small_chart() -> None:
    made = batch().alerts[0]
    assert figure(replace(made, annotations=Labels({"value": "93%", "values": "0, 1 2,3 4 5 6 7"}))) == "93% ▁▂▃▄▅▆▇█"
    assert figure(replace(made, annotations=Labels({"values": "5 5 5"}))) == "▄▄▄"
    assert figure(replace(made, annotations=Labels({"values": "1 NaN inf 2"}))) == "▁█"
    assert figure(replace(made, annotations=Labels({"value": "1", "values": "not numbers"}))) == "1"
    assert figure(made) == ""
    shown = replace(batch(), alerts=(replace(made, annotations=Labels({"value": "93%"})),), on_call=("张伟",))
    assert "当前 93%" in text.body(shown)
    assert "值班：张伟" in text.body(shown)


def test_nothing_that_an_alert_says_mentions_anybody() -> None:
    made = batch()
    loud = replace(made, alerts=(replace(made.alerts[0], annotations=Labels({"summary": "<@all> <at id=all></at>"})),))
    (request,) = WECOM.messages(loud, 0, "k")
    assert "<@" not in request.body.decode()
    (request,) = Feishu(api_url="http://f", hook_id="h").messages(loud, 0, "k")
    assert "<at id=all>" not in orjson.loads(request.body)["card"]["elements"][0]["content"]


def test_channels_are_addressed_to_one_person() -> None:
    han = Person(id="han", name="韩梅梅", mobile="138", wecom="hanmm", feishu="ou_9")
    nobody = Person(id="x", name="x")
    robot = WECOM.addressed(han)
    assert robot is not None
    (request,) = robot.messages(batch(severity="warning"), 0, "k")
    assert "<@hanmm>" in request.body.decode()
    bot = Feishu(api_url="http://f", hook_id="h").addressed(han)
    assert bot is not None
    (request,) = bot.messages(batch(severity="warning"), 0, "k")
    assert "<at id=ou_9>" in request.body.decode()
    app = WeComApp(api_url="http://w", corp_id="c", agent_id=7, corp_secret="s", people=("z",))
    mine = app.addressed(han)
    assert mine is not None
    assert (mine.people, mine.token is app.token) == (("hanmm",), True)
    both = Shared((DINGTALK, replace(DINGTALK, access_token="t2"))).addressed(han)
    assert both is not None
    assert [m.at_mobiles for m in both.members if isinstance(m, DingTalk)] == [("138",), ("138",)]
    assert WECOM.addressed(nobody) is app.addressed(nobody) is Shared((DINGTALK,)).addressed(nobody) is None
