"""The whole sentence, through the real process: posted, grouped, delivered, acknowledged, remembered."""

from __future__ import annotations

import asyncio
import re
import resource
import signal
import time
from typing import Any

import requests

from tests.alerts.conftest import DINGTALK, HOOK, WECOM, config
from tests.alerts.robots import Robots
from tests.alerts.running import stamp, until

JSON = {"Content-Type": "application/json"}
BAD = "failed to parse receiver_matchers param: bad matcher format: x"


async def run(act: Any, *values: Any, **named: Any) -> Any:
    return await asyncio.to_thread(act, *values, **named)


async def test_webhook_gets_firing_then_resolved_on_time(robots: Robots, start: Any) -> None:
    alerting = await start(config(robots, HOOK, group_wait="500ms"))
    posted = time.time()
    await run(alerting.fire, {"alertname": "A", "instance": "1"}, {"alertname": "A", "instance": "2"}, summary="s")
    await until(lambda: robots.webhooks, what="firing")
    first = robots.webhooks[0]
    assert 0.45 < first["at"] - posted < 0.75
    assert first["status"] == "firing"
    assert first["version"] == "4"
    assert first["groupKey"] == '{}:{alertname="A"}'
    assert [a["labels"]["instance"] for a in first["alerts"]] == ["1", "2"]
    assert first["alerts"][0]["endsAt"] == "0001-01-01T00:00:00Z"
    assert first["commonLabels"] == {"alertname": "A"}
    await run(alerting.fire, {"alertname": "A", "instance": "1"}, {"alertname": "A", "instance": "2"}, ends=time.time())
    await until(lambda: len(robots.webhooks) > 1, what="resolved")
    last = robots.webhooks[-1]
    assert last["status"] == "resolved"
    assert abs(last["at"] - first["at"] - 1.0) < 0.25
    assert await run(alerting.get, "/api/v2/alerts") == []


async def test_robots_show_a_message_with_links_and_its_end(robots: Robots, start: Any) -> None:
    alerting = await start(config(robots, f"{DINGTALK}\n{WECOM}"), "--web.external-url=http://ops.example:8400")
    labels = {"alertname": "PaymentFailureRatioHigh", "service": "payments", "severity": "critical"}
    texts = {"summary": "支付失败率过高 / Payments fail", "description": "失败率 82%", "runbook": "payment-outage"}
    await run(alerting.fire, labels, **texts)
    await until(lambda: robots.of("dingtalk") and robots.of("wecom"), what="both robots")
    card = robots.of("dingtalk")[0].body
    assert card["msgtype"] == "actionCard"
    assert "支付失败率过高" in card["actionCard"]["text"]
    assert "payment-outage" in card["actionCard"]["text"]
    assert card["actionCard"]["btns"][0]["actionURL"].startswith("http://ops.example:8400/links/ack/")
    assert "[认领 ACK](http://ops.example:8400/links/ack/" in robots.of("wecom")[0].text
    await run(alerting.fire, labels, ends=time.time(), **texts)
    await until(lambda: len(robots.of("dingtalk")) > 1 and len(robots.of("wecom")) > 1, what="resolve messages")
    assert "已恢复" in robots.of("dingtalk")[1].text
    assert "历时" in robots.of("wecom")[1].text
    assert robots.refusals == []


async def test_acknowledging_from_the_message(robots: Robots, start: Any, tmp_path: Any) -> None:
    (tmp_path / "oncall.yml").write_text("people: [{id: li, name: 李雷}, {id: han, name: 韩梅梅}]\n", encoding="utf-8")
    alerting = await start(config(robots, DINGTALK))
    await run(alerting.fire, {"alertname": "A", "severity": "critical"}, summary="坏了")
    await until(lambda: robots.taken)
    buttons = robots.taken[0].body["actionCard"]["btns"]
    url = buttons[0]["actionURL"]
    assert url.startswith(f"{alerting.url}/links/ack/")

    def play() -> None:
        phone = requests.Session()
        page = phone.get(url, timeout=5)
        assert page.status_code == 200
        assert "你是谁" in page.text
        assert "韩梅梅" in page.text
        assert alerting.get("/api/opsctl/v1/acks") == []
        assert phone.post(url, timeout=5).status_code == 400
        done = phone.post(url, data={"person": "han"}, timeout=5)
        assert "韩梅梅 已认领（钉钉群" in done.text
        (ack,) = alerting.get("/api/opsctl/v1/acks")
        assert (ack["who"], ack["via"]) == ("韩梅梅", "钉钉群")
        assert requests.get(url[:-3] + "AAA", timeout=5).status_code == 403
        details = phone.get(buttons[2]["actionURL"], timeout=5)
        assert "fingerprint" in details.text
        (shown,) = alerting.get("/api/opsctl/v1/alerts")
        assert shown["ack"]["who"] == "韩梅梅"
        assert shown["deliveries"][0]["status"] == "sent"
        assert "ack" not in alerting.get("/api/v2/alerts")[0]
        alerting.fire({"alertname": "A", "severity": "critical"}, ends=time.time())
        assert alerting.get("/api/opsctl/v1/acks") == []
        assert "无需认领" in phone.get(url, timeout=5).text

    robots.delay = 0.0
    await run(play)


async def recorded(alerting: Any, count: int) -> None:
    """Waits until so many deliveries are written down as sent: killed before, one may be repeated."""
    end = time.monotonic() + 10
    while [d["status"] for d in await run(alerting.get, "/api/opsctl/v1/deliveries")].count("sent") < count:
        assert time.monotonic() < end, "the deliveries were not written down"
        await asyncio.sleep(0.02)


async def test_restart_forgets_nothing_and_repeats_nothing(robots: Robots, start: Any) -> None:
    alerting = await start(config(robots, HOOK))
    await run(alerting.fire, {"alertname": "A"}, {"alertname": "B"})
    await until(lambda: len(robots.webhooks) == 2)
    silence = {"matchers": [{"name": "alertname", "value": "C", "isRegex": False}], "startsAt": "2020-01-01T00:00:00Z",
               "endsAt": "2099-01-01T00:00:00Z", "createdBy": "me", "comment": "c"}  # fmt: skip
    number = (await run(alerting.post, "/api/v2/silences", silence)).json()["silenceID"]
    await recorded(alerting, 2)
    await run(alerting.kill)
    await run(alerting.start)
    assert {a["labels"]["alertname"] for a in await run(alerting.get, "/api/v2/alerts")} == {"A", "B"}
    assert (await run(alerting.get, f"/api/v2/silence/{number}"))["status"]["state"] == "active"
    await asyncio.sleep(1.5)
    assert len(robots.webhooks) == 2
    await run(alerting.fire, {"alertname": "A"}, ends=time.time())
    await until(lambda: len(robots.webhooks) == 3)
    assert robots.webhooks[-1]["status"] == "resolved"
    await recorded(alerting, 3)
    await run(alerting.kill)
    await run(alerting.start)
    await asyncio.sleep(1.5)
    assert len(robots.webhooks) == 3


async def test_a_hung_robot_holds_up_nobody_and_is_tried_again(robots: Robots, start: Any) -> None:
    robots.answers["webhook"] = "hang"
    both = "    webhook_configs: [{{url: '{url}/hook', timeout: 500ms}}]\n" + DINGTALK
    alerting = await start(config(robots, both))
    await run(alerting.fire, {"alertname": "A"})
    await until(lambda: robots.of("dingtalk"), 2, "dingtalk in spite of the hung webhook")
    await until(lambda: [c for c, _ in robots.calls].count("webhook") > 1, 5, "retries within the flush")
    del robots.answers["webhook"]
    await until(lambda: robots.webhooks, 5)
    rows = await run(alerting.get, "/api/opsctl/v1/deliveries")
    hook = next(d for d in rows if d["integration"] == "all/webhook/0")
    assert hook["status"] == "sent"
    assert hook["possiblyRepeated"] is True
    assert len(robots.of("dingtalk")) == 1


async def test_errcodes_wrong_sign_is_kept_for_retry_by_hand(robots: Robots, start: Any) -> None:
    wrong = DINGTALK.replace("{secret}", "SECwrong")
    alerting = await start(config(robots, wrong))
    await run(alerting.fire, {"alertname": "A"})
    failed = await until_row(alerting, "failed")
    assert "310000" in failed["reason"]
    await asyncio.sleep(1.3)
    assert len(robots.refusals) == 1
    assert alerting.metric('opsctl_deliveries_total{integration="dingtalk",outcome="failed",receiver="all"}') == 1
    alerting.write(config(robots, DINGTALK))
    assert (await run(alerting.post, "/-/reload")).status_code == 200
    assert (await run(alerting.post, f"/api/opsctl/v1/deliveries/{failed['id']}/retry")).status_code == 202
    await until(lambda: robots.of("dingtalk"))
    sent = await until_row(alerting, "sent")
    assert sent["id"] == failed["id"]
    again = await run(alerting.post, f"/api/opsctl/v1/deliveries/{failed['id']}/retry")
    assert again.status_code == 409


async def until_row(alerting: Any, status: str) -> Any:
    for _ in range(200):
        found = await run(alerting.get, "/api/opsctl/v1/deliveries", status=status)
        if found:
            return found[0]
        await asyncio.sleep(0.05)
    raise AssertionError(f"no delivery became {status}")


async def test_a_robot_that_was_called_too_often_rests(robots: Robots, start: Any) -> None:
    robots.answers["dingtalk"] = (130101, "send too fast")
    alerting = await start(config(robots, DINGTALK))
    await run(alerting.fire, {"alertname": "A"}, {"alertname": "B"})
    await until(lambda: robots.refusals)
    await asyncio.sleep(1)
    assert robots.refusals == [130101]
    (receiver,) = await run(alerting.get, "/api/opsctl/v1/receivers")
    assert 580 < receiver["integrations"][0]["restSeconds"] <= 615
    await run(alerting.kill)
    await run(alerting.start)
    await asyncio.sleep(1)
    assert robots.refusals == [130101]
    assert alerting.metric("opsctl_deliveries_pending") == 2


async def test_a_busy_robot_is_tried_again(robots: Robots, start: Any) -> None:
    robots.answers["wecom"] = (-1, "system busy")
    robots.answers["dingtalk"] = (310000, "invalid timestamp")
    alerting = await start(config(robots, f"{DINGTALK}\n{WECOM}"))
    await run(alerting.fire, {"alertname": "A"})
    await until(lambda: len(robots.refusals) >= 2)
    robots.answers.clear()
    await until(lambda: robots.of("wecom") and robots.of("dingtalk"), 5)


async def test_what_resolved_before_it_could_be_sent_is_told_once(robots: Robots, start: Any) -> None:
    robots.answers["dingtalk"] = "500"
    alerting = await start(config(robots, DINGTALK))
    await run(alerting.fire, {"alertname": "A", "instance": "1"}, summary="坏了")
    await until(lambda: robots.calls)
    await run(alerting.fire, {"alertname": "A", "instance": "1"}, ends=time.time(), summary="坏了")
    await asyncio.sleep(1.5)
    robots.answers.clear()
    await until(lambda: robots.of("dingtalk"), 10)
    assert "已恢复" in robots.taken[0].text
    await asyncio.sleep(0.5)
    assert len(robots.taken) == 1
    statuses = [d["status"] for d in await run(alerting.get, "/api/opsctl/v1/deliveries")]
    assert statuses.count("sent") == 1
    assert set(statuses) <= {"sent", "superseded"}


async def test_test_messages_are_real_and_marked(robots: Robots, start: Any) -> None:
    alerting = await start(config(robots, f"{DINGTALK}\n{WECOM}"))
    answer = await run(alerting.post, "/api/opsctl/v1/receivers/all/test")
    assert answer.status_code == 202
    assert len(answer.json()["deliveries"]) == 2
    await until(lambda: len(robots.taken) == 2)
    assert all("测试消息 TEST" in m.text for m in robots.taken)
    assert (await run(alerting.post, "/api/opsctl/v1/receivers/nobody/test")).status_code == 404


async def test_heartbeat_beats_while_its_alert_fires(robots: Robots, start: Any) -> None:
    alerting = await start(config(robots, "    heartbeat_configs: [{{url: '{url}/beat', interval: 200ms}}]"))
    await asyncio.sleep(0.5)
    assert robots.beats == []
    await run(alerting.fire, {"alertname": "Watchdog"})
    await until(lambda: len(robots.beats) > 2)
    await run(alerting.fire, {"alertname": "Watchdog"}, ends=time.time())
    await asyncio.sleep(0.4)
    count = len(robots.beats)
    await asyncio.sleep(0.6)
    assert len(robots.beats) == count
    assert alerting.metric('opsctl_heartbeats_total{outcome="sent",receiver="all"}') == count


async def test_bad_reload_is_refused_and_the_old_stays(robots: Robots, start: Any) -> None:
    alerting = await start(config(robots, HOOK))
    before = (await run(alerting.get, "/api/v2/status"))["config"]["original"]
    alerting.write(config(robots, HOOK).replace("receiver: all", "receiver: al"))
    refused = await run(alerting.post, "/-/reload")
    assert refused.status_code == 500
    assert "did you mean 'all'?" in refused.text
    alerting.process.send_signal(signal.SIGHUP)
    await asyncio.sleep(0.3)
    assert alerting.metric("alertmanager_config_last_reload_successful") == 0
    assert (await run(alerting.get, "/api/v2/status"))["config"]["original"] == before
    await run(alerting.fire, {"alertname": "A"})
    await until(lambda: robots.webhooks)
    alerting.write(config(robots, HOOK, group_interval="2s"))
    alerting.process.send_signal(signal.SIGHUP)
    await until(lambda: alerting.metric("alertmanager_config_last_reload_successful") == 1)
    await asyncio.sleep(0.5)
    assert len(robots.webhooks) == 1


async def test_graceful_stop_sends_what_is_due(robots: Robots, start: Any) -> None:
    robots.delay = 0.3
    alerting = await start(config(robots, DINGTALK, group_wait="0s"))
    await run(alerting.fire, *({"alertname": f"A{n}"} for n in range(5)))
    await until(lambda: robots.taken)
    assert await run(alerting.stop) == 0
    assert len(robots.of("dingtalk")) == 5


async def test_inhibition_and_silence_show_at_once_and_keep_quiet(robots: Robots, start: Any) -> None:
    rule = "inhibit_rules: [{source_matchers: [alertname=Down], target_matchers: [alertname=Slow], equal: [service]}]"
    alerting = await start(config(robots, HOOK, rule))
    await run(alerting.fire, {"alertname": "Down", "service": "x"}, {"alertname": "Slow", "service": "x"})
    (slow,) = await run(alerting.get, "/api/v2/alerts", filter='alertname="Slow"')
    (down,) = await run(alerting.get, "/api/v2/alerts", filter='alertname="Down"')
    assert slow["status"]["inhibitedBy"] == [down["fingerprint"]]
    assert slow["status"]["state"] == "suppressed"
    await until(lambda: robots.webhooks)
    await asyncio.sleep(0.5)
    assert [w["groupLabels"]["alertname"] for w in robots.webhooks] == ["Down"]
    await run(alerting.fire, {"alertname": "Down", "service": "x"}, ends=time.time())
    await until(lambda: any(w["groupLabels"]["alertname"] == "Slow" for w in robots.webhooks), 3)


async def test_receivers_groups_and_silences_are_found_by_what_they_are(robots: Robots, start: Any) -> None:
    made = config(robots, HOOK, "  - {name: other, labels: {team: b}}", labels="{desk: '{{ .Status }}'}")
    alerting = await start(made)
    await run(alerting.fire, {"alertname": "A"})
    named = [{"name": "all", "labels": {"name": "all"}}, {"name": "other", "labels": {"name": "other", "team": "b"}}]
    assert await run(alerting.get, "/api/v2/receivers") == named
    assert await run(alerting.get, "/api/v2/receivers", receiver_matchers="team=b") == named[1:]
    for path in ("/api/v2/alerts", "/api/v2/alerts/groups"):
        assert len(await run(alerting.get, path, receiver_matchers='name=~"al.*"')) == 1
        assert await run(alerting.get, path, receiver_matchers="team=b") == []
        refused = await run(requests.get, f"{alerting.url}{path}", {"receiver_matchers": "x"})
        assert (refused.status_code, refused.json()) == (400, BAD)
    (group,) = await run(alerting.get, "/api/v2/alerts/groups/")  # a slash at the end is no other path
    assert group["routeLabels"] == {"desk": "firing"}
    matchers = [{"name": "a", "value": "b", "isRegex": False}]
    for starts, ends in ((-1, 60), (60, 90)):
        now = time.time()
        body = {
            "matchers": matchers,
            "startsAt": stamp(now + starts),
            "endsAt": stamp(now + ends),
            "createdBy": "",
            "comment": "",
        }
        assert (await run(alerting.post, "/api/v2/silences", body)).ok
    for state, other in (("active", "pending"), ("pending", "active")):
        (silence,) = await run(alerting.get, "/api/v2/silences", **{other: "false", "expired": "false"})
        assert silence["status"]["state"] == state


async def test_bytes_of_any_kind_are_answered_with_4xx(robots: Robots, start: Any) -> None:
    alerting = await start(config(robots, HOOK))

    def play() -> None:
        bad: list[bytes] = [b"", b"{}", b"[1]", b"\xff\xfe", b'[{"labels":{}}]', b'[{"labels":{"a":1}}]', b"[null]",
               b'[{"labels":{"a":"b"},"startsAt":"x"}]', b'[{"labels":{"a":"b"},"endsAt":"2020-01-01T00:00:00Z","startsAt":"2021-01-01T00:00:00Z"}]']  # fmt: skip
        for path in ("/api/v2/alerts", "/api/v2/silences"):
            for body in bad:
                status = requests.post(alerting.url + path, data=body, headers=JSON, timeout=5).status_code
                assert 400 <= status < 500, (path, body, status)
        for query in ("filter=%7B", "receiver=(", "filter=nothing", "filter=a%3D~%22(%22"):
            assert requests.get(f"{alerting.url}/api/v2/alerts?{query}", timeout=5).status_code == 400
        assert requests.get(f"{alerting.url}/api/v1/alerts", timeout=5).status_code == 410
        assert requests.get(f"{alerting.url}/api/v2/silence/nope", timeout=5).status_code == 422
        good = '[{"labels":{"a":"b"}},{"labels":{}}]'
        assert requests.post(alerting.url + "/api/v2/alerts", data=good, timeout=5).status_code == 415
        assert requests.post(alerting.url + "/api/v2/alerts", data=good, headers=JSON, timeout=5).status_code == 400
        assert len(alerting.get("/api/v2/alerts")) == 1

    await run(play)


async def test_one_state_folder_has_one_owner(robots: Robots, start: Any) -> None:
    alerting = await start(config(robots, HOOK))
    process = await asyncio.create_subprocess_exec(
        *alerting.process.args,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert process.returncode == 1
    assert re.search("is in use by another process", said.decode())


async def test_a_webhook_that_breaks_off_or_is_not_there(robots: Robots, start: Any) -> None:
    robots.answers["webhook"] = "break"
    nowhere = (
        "    webhook_configs: [{{url: '{url}/hook'}}, {{url: 'http://127.0.0.1:9/x'}}, {{url: 'http://no.invalid/x'}}]"
    )
    alerting = await start(config(robots, nowhere))
    await run(alerting.fire, {"alertname": "A"})
    await until(lambda: len(robots.calls) > 1)
    rows = {d["integration"]: d for d in await run(alerting.get, "/api/opsctl/v1/deliveries")}
    assert "broke off" in rows["all/webhook/0"]["reason"]
    assert "cannot connect" in rows["all/webhook/1"]["reason"]
    assert not rows["all/webhook/1"]["possiblyRepeated"]
    robots.answers.clear()
    await until(lambda: robots.webhooks, 5)
    assert (await until_row(alerting, "sent"))["integration"] == "all/webhook/0"
    rows = {d["integration"]: d for d in await run(alerting.get, "/api/opsctl/v1/deliveries")}
    assert rows["all/webhook/2"]["status"] in ("pending", "sending")


async def test_muted_times_keep_quiet_and_show(robots: Robots, start: Any) -> None:
    always = "time_intervals: [{name: always, time_intervals: [{years: ['2000:3000']}]}]"
    text = config(robots, HOOK, always).replace(
        "receivers:", "  routes: [{mute_time_intervals: [always]}]\nreceivers:", 1
    )
    alerting = await start(text)
    await run(alerting.fire, {"alertname": "A"})
    await asyncio.sleep(0.5)
    (group,) = await run(alerting.get, "/api/v2/alerts/groups")
    assert group["alerts"][0]["status"] == {
        "state": "suppressed", "mutedBy": ["always"], "inhibitedBy": [], "silencedBy": []
    }  # fmt: skip
    (shown,) = await run(alerting.get, "/api/opsctl/v1/alerts")
    assert shown["status"]["mutedBy"] == ["always"]
    assert robots.webhooks == []
    assert await run(alerting.get, "/api/v2/alerts/groups", muted="false") == []


async def test_a_full_disk_is_a_figure_and_messages_go_out(robots: Robots, start: Any, tmp_path: Any) -> None:
    alerting = await start(config(robots, HOOK))
    resource.prlimit(alerting.process.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    refused = await run(alerting.post, "/api/v2/alerts", [{"labels": {"alertname": "A"}}])
    assert refused.status_code == 500
    await until(lambda: robots.webhooks, what="the message in spite of the full disk")
    assert alerting.metric("opsctl_alerting_write_failures_total") >= 1
    resource.prlimit(alerting.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await run(alerting.fire, {"alertname": "A"}, {"alertname": "B"})
    await until(lambda: len(robots.webhooks) == 2)
    await until(lambda: alerting.metric("opsctl_deliveries_pending") == 0)
