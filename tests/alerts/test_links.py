"""Links in messages: forged, expired, used twice, somebody else's; and the buttons of WeCom's cards."""

from __future__ import annotations

import os
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as some
from itsdangerous import TimestampSigner, URLSafeTimedSerializer

from opsctl.alerts.wecom_crypto import CallbackCrypto
from opsctl.core.errors import Forbidden
from tests.alerts.conftest import APP, DINGTALK, SMS, config
from tests.alerts.robots import AGENT, CORP, Robots
from tests.alerts.running import Running, until
from tests.alerts.test_process import run

PEOPLE = "people: [{id: zhang, name: 张伟, wecom: zhang, mobile: '13800000001'}, {id: li, name: 李娜, wecom: li}]"
CALL_TOKEN, AES_KEY = "cbtoken", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


class Old(TimestampSigner):
    def get_timestamp(self) -> int:
        return int(time.time()) - 73 * 3600


def buttons(robots: Robots) -> dict[str, str]:
    card = robots.of("dingtalk")[0].body["actionCard"]
    return {b["title"]: b["actionURL"] for b in card["btns"]}


def state(alerting: Running) -> tuple[Any, Any]:
    return alerting.get("/api/opsctl/v1/acks"), alerting.get("/api/v2/silences")


async def test_a_silence_link_hides_what_it_was_about_and_works_once(robots: Robots, start: Any) -> None:
    alerting = await start(config(robots, DINGTALK))
    await run(
        alerting.fire, {"alertname": "A", "instance": "1", "job": "j"}, {"alertname": "A", "instance": "2", "job": "j"}
    )
    await run(alerting.fire, {"alertname": "B", "instance": "1", "job": "j"})
    await until(lambda: len(robots.taken) == 2)
    url = next(b for m in robots.taken for b in m.body["actionCard"]["btns"] if "A" in m.text)["actionURL"]
    assert "静默 1 小时" in buttons(robots)

    def play() -> None:
        silence = url.replace("/links/ack/", "/links/silence/")
        page = requests.get(silence, timeout=5)
        assert page.status_code == 200
        assert "此刻会静默 2 条" in page.text
        assert requests.get(url, timeout=5).status_code == 200
        assert requests.head(silence, timeout=5).status_code == 200
        assert state(alerting) == ([], [])  # no GET changes anything
        phone = requests.Session()
        done = phone.post(silence, data={"name": "张伟"}, timeout=5)
        assert "已静默，至" in done.text
        (made,) = alerting.get("/api/v2/silences")
        assert made["createdBy"] == "张伟"
        assert {(m["name"], m["value"]) for m in made["matchers"]} == {("alertname", "A"), ("job", "j")}
        states = {a["labels"]["alertname"]: a["status"]["state"] for a in alerting.get("/api/v2/alerts")}
        assert states == {"A": "suppressed", "B": "active"}
        assert "这个链接只用一次" in phone.post(silence, timeout=5).text
        assert len(alerting.get("/api/v2/silences")) == 1
        requests.delete(f"{alerting.url}/api/v2/silence/{made['id']}", timeout=5).raise_for_status()
        assert "静默已结束于" in phone.post(silence, timeout=5).text
        assert [s["status"]["state"] for s in alerting.get("/api/v2/silences")] == ["expired"]

    await run(play)


async def test_an_acknowledge_link_used_twice_is_harmless_and_says_so(robots: Robots, start: Any) -> None:
    alerting = await start(config(robots, DINGTALK))
    await run(alerting.fire, {"alertname": "A"})
    await until(lambda: robots.taken)
    url = buttons(robots)["认领 ACK"]

    def play() -> None:
        assert "张伟 已认领" in requests.post(url, data={"name": "张伟"}, timeout=5).text
        again = requests.post(url, data={"name": "李娜"}, timeout=5)
        assert again.status_code == 200
        assert "已认领。恢复或超时后自动失效" in again.text
        (ack,) = alerting.get("/api/opsctl/v1/acks")
        assert ack["who"] == "张伟"

    await run(play)


async def test_forged_and_expired_links_are_refused_and_none_leads_elsewhere(robots: Robots, start: Any) -> None:
    alerting = await start(config(robots, DINGTALK))
    await run(alerting.fire, {"alertname": "A"})
    await until(lambda: robots.taken)
    url = buttons(robots)["认领 ACK"]
    key = (alerting.folder / "state" / "links.key").read_bytes().strip()
    old = URLSafeTimedSerializer(key, salt="opsctl.link", signer=Old).dumps([1, "dingtalk"])
    other = URLSafeTimedSerializer(b"another key", salt="opsctl.link").dumps([1, "dingtalk"])
    person = URLSafeTimedSerializer(key, salt="opsctl.person").dumps([1, "dingtalk"])
    gone = URLSafeTimedSerializer(key, salt="opsctl.link").dumps([999, "dingtalk"])

    def play() -> None:
        for page in ("ack", "silence", "details"):
            root = f"{alerting.url}/links/{page}"
            for token, said in (
                (old, "链接已过期"),
                (other, "链接无效"),
                (person, "链接无效"),
                (url[-20:], "链接无效"),
            ):
                for call in (requests.get, requests.post) if page != "details" else (requests.get,):
                    answer = call(f"{root}/{token}", timeout=5)
                    assert (answer.status_code, said in answer.text) == (403, True), (page, token)
            assert requests.get(f"{root}/{gone}", timeout=5).status_code == 404
        done = requests.post(
            f"{url}?next=//evil.example&url=http://evil.example", data={"name": "x", "next": "//evil.example"},
            allow_redirects=False, timeout=5, headers={"X-Forwarded-Host": "evil.example"},
        )  # fmt: skip
        assert (done.status_code, done.headers["Location"]) == (303, urlsplit(url).path)

    await run(play)


async def test_a_personal_link_serves_its_person_only(robots: Robots, start: Any, tmp_path: Any) -> None:
    (tmp_path / "oncall.yml").write_text(PEOPLE, encoding="utf-8")
    alerting = await start(config(robots, f"{APP}\n{SMS}"), f"--oncall.file={tmp_path / 'oncall.yml'}")
    await run(alerting.fire, {"alertname": "A", "severity": "critical"}, summary="支付失败")
    await until(lambda: len(robots.of("wecom_app")) == 2 and len(robots.of("aliyun_sms")) == 2)

    def play() -> None:
        cards = {m.to: m.body["template_card"] for m in robots.of("wecom_app")}
        zhang, li = ({j["title"]: j["url"] for j in cards[p]["jump_list"]}["认领 ACK"] for p in ("zhang", "li"))
        assert zhang != li
        his, hers = requests.Session(), requests.Session()
        assert "你是 <b>李娜</b>" in hers.get(li, timeout=5).text
        assert "李娜 已认领（企业微信" in hers.post(li, data={"person": "zhang", "name": "张伟"}, timeout=5).text
        for call in (hers.get, hers.post):
            assert "这是发给 张伟 的链接" in call(zhang, timeout=5).text
            assert call(zhang.replace("/ack/", "/silence/"), timeout=5).status_code == 403
        assert hers.get(zhang.replace("/ack/", "/details/"), timeout=5).status_code == 403
        sms = {m.to: m.body["link"] for m in robots.of("aliyun_sms")}
        assert "张伟" in his.post(sms["13800000001"].replace("/ack/", "/silence/"), timeout=5).text
        assert alerting.get("/api/v2/silences")[0]["createdBy"] == "张伟"
        assert his.get(sms["13800000002"], timeout=5).status_code == 403

    await run(play)


async def test_buttons_of_a_card_call_back(robots: Robots, start: Any, tmp_path: Any) -> None:
    (tmp_path / "oncall.yml").write_text(PEOPLE, encoding="utf-8")
    app = APP.replace("to_users", f"callback_token: {CALL_TOKEN}, callback_aes_key: {AES_KEY}, to_users")
    alerting = await start(config(robots, app), f"--oncall.file={tmp_path / 'oncall.yml'}")
    await run(alerting.fire, {"alertname": "A", "severity": "critical"}, summary="支付失败")
    await until(lambda: len(robots.taken) == 2)
    card = next(m.body["template_card"] for m in robots.taken if m.to == "zhang")
    assert (card["card_type"], [b["key"] for b in card["button_list"]]) == ("button_interaction", ["ack", "silence"])
    crypto, url = CallbackCrypto(CALL_TOKEN, AES_KEY, CORP), f"{alerting.url}/links/wecom/{CORP}/{AGENT}"

    def call(event: str, at: float | None = None, sign: str = "") -> requests.Response:
        sealed, stamp = crypto.seal(event.encode(), os.urandom(16)), str(int(at or time.time()))
        query = {"msg_signature": sign or crypto.sign(stamp, "n", sealed), "timestamp": stamp, "nonce": "n"}
        return requests.post(url, params=query, data=f"<xml><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>", timeout=5)

    def press(button: str, user: str = "zhang", task: str = "", **more: Any) -> requests.Response:
        return call(
            f"<xml><FromUserName><![CDATA[{user}]]></FromUserName><Event><![CDATA[template_card_event]]></Event>"
            f"<EventKey><![CDATA[{button}]]></EventKey><TaskId><![CDATA[{task or card['task_id']}]]></TaskId>"
            f"<ResponseCode><![CDATA[rc-{button}]]></ResponseCode></xml>",
            **more,
        )

    def play() -> None:
        sealed, stamp = crypto.seal(b"hello", os.urandom(16)), str(int(time.time()))
        query = {"msg_signature": crypto.sign(stamp, "n", sealed), "timestamp": stamp, "nonce": "n", "echostr": sealed}
        assert requests.get(url, params=query, timeout=5).text == "hello"
        assert requests.get(url, params={**query, "nonce": "m"}, timeout=5).status_code == 403
        assert press("ack", sign="0" * 40).status_code == 403
        assert press("ack", at=time.time() - 3600).status_code == 403
        assert press("delete").status_code == 400
        assert press("ack", task="opsctl-999-0-1@zhang").status_code == 404
        assert call("<xml><Event>click</Event></xml>").status_code == 200
        assert state(alerting) == ([], [])
        assert press("ack").status_code == 200
        (ack,) = alerting.get("/api/opsctl/v1/acks")
        assert (ack["who"], ack["via"]) == ("张伟", "企业微信")
        assert press("ack", "li").status_code == 200  # too late, and the card says whose it is
        assert [u["button"]["replace_name"] for u in robots.updates] == ["张伟 已认领", "张伟 已认领"]
        assert robots.updates[0] == {
            "userids": ["zhang"], "agentid": AGENT, "response_code": "rc-ack", "button": {"replace_name": "张伟 已认领"},
        }  # fmt: skip
        assert press("silence").status_code == press("silence").status_code == 200
        assert len(alerting.get("/api/v2/silences")) == 1
        assert requests.post(url.replace(CORP, "other"), timeout=5).status_code == 404

    await run(play)


@given(some.binary(max_size=200), some.text(min_size=1, max_size=40))
def test_what_is_sealed_opens_and_nothing_else_does(message: bytes, noise: str) -> None:
    crypto = CallbackCrypto(CALL_TOKEN, AES_KEY, CORP)
    sealed = crypto.seal(message, b"r" * 16)
    assert crypto.open(crypto.sign("1000", "n", sealed), "1000", "n", sealed, 1000.0) == message
    for bad in (noise, sealed[:-4] + "AAA=", noise + sealed):
        with pytest.raises(Forbidden):
            crypto.open(crypto.sign("1000", "n", bad), "1000", "n", bad, 1000.0)
    with pytest.raises(Forbidden):
        CallbackCrypto(CALL_TOKEN, AES_KEY, "other").open(crypto.sign("1", "n", sealed), "1", "n", sealed, 1.0)
    with pytest.raises(Forbidden):
        crypto.open(noise, "1000", noise, sealed, 1000.0)
