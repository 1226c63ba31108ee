"""WeChat Pay as the real SDK meets it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import requests
from aiohttp import web
from wechatpayv3 import WeChatPay, WeChatPayType

from platform_app.kit.config import PlatformConfig, secret
from platform_app.sandbox.keys import make_keys
from platform_app.sandbox.world import World
from tests.platform_app.sandbox.homes import free_ports
from tests.platform_app.sandbox.serving import serving

CNY = {"total": 12800, "currency": "CNY"}


def sdk(config: PlatformConfig, gateway: str = "primary", notify_url: str = "http://127.0.0.1:9/none") -> WeChatPay:
    pay = config.payments
    made = WeChatPay(
        WeChatPayType.NATIVE,
        pay.mchid,
        Path(pay.private_key_file).read_text(),
        pay.cert_serial,
        pay.appid,
        secret(pay.apiv3_key_file),
        notify_url=notify_url,
        public_key=Path(pay.public_key_file).read_text(),
        public_key_id=pay.public_key_id,
        timeout=(2, 2),
    )
    made._core._gate_way = pay.hosts[gateway]
    return made


async def call(work: Any, *args: Any, **named: Any) -> tuple[int, Any]:
    status, text = await asyncio.to_thread(work, *args, **named)
    return status, json.loads(text) if text else None


async def scan(http: aiohttp.ClientSession, config: PlatformConfig, code_url: str) -> tuple[int, Any]:
    url = f"http://{config.sandbox.listen}/phone/pay"
    async with http.post(url, json={"code_url": code_url}) as answer:
        return answer.status, await answer.json()


async def test_prepay_scan_query_refund_over_both_hosts(
    world: World, config: PlatformConfig, http: aiohttp.ClientSession
) -> None:
    primary, standby = sdk(config), sdk(config, "standby")
    status, answer = await call(primary.pay, "保洁", "T10000001", CNY)
    assert status == 200
    assert answer["code_url"].startswith("weixin://wxpay/bizpayurl?pr=")
    assert await call(primary.pay, "保洁", "T10000001", CNY) == (200, answer)
    status, paid = await scan(http, config, answer["code_url"])
    assert (status, paid["trade_state"]) == (200, "SUCCESS")
    status, seen = await call(standby.query, out_trade_no="T10000001")
    assert (seen["trade_state"], seen["amount"]["payer_total"]) == ("SUCCESS", 12800)
    status, refund = await call(
        standby.refund, "R10000001", {"refund": 12800, "total": 12800, "currency": "CNY"}, out_trade_no="T10000001"
    )
    assert (status, refund["status"]) == (200, "PROCESSING")
    async with asyncio.timeout(5):
        while refund["status"] != "SUCCESS":
            await asyncio.sleep(0.2)
            status, refund = await call(primary.query_refund, "R10000001")
    assert (await call(primary.query, out_trade_no="T10000001"))[1]["trade_state"] == "REFUND"


async def test_refusals_carry_the_documented_codes(
    world: World, config: PlatformConfig, http: aiohttp.ClientSession
) -> None:
    pay = sdk(config)
    assert (await call(pay.query, out_trade_no="UNKNOWN1"))[1]["code"] == "ORDER_NOT_EXIST"
    assert (await call(pay.pay, "保洁", "short", CNY))[1]["code"] == "PARAM_ERROR"
    assert (await call(pay.pay, "保洁", "T20000001", {"total": 0}))[1]["code"] == "PARAM_ERROR"
    _, opened = await call(pay.pay, "保洁", "T20000001", CNY)
    assert (await call(pay.pay, "保洁", "T20000001", {"total": 1}))[1]["code"] == "OUT_TRADE_NO_USED"
    amount = {"refund": 1, "total": 12800, "currency": "CNY"}
    assert (await call(pay.refund, "R2", amount, out_trade_no="T20000001"))[1]["code"] == "RESOURCE_NOT_EXISTS"
    await scan(http, config, opened["code_url"])
    assert (await call(pay.pay, "保洁", "T20000001", CNY))[1]["code"] == "ORDERPAID"
    assert (await call(pay.close, out_trade_no="T20000001"))[1]["code"] == "ORDERPAID"
    assert (await scan(http, config, opened["code_url"]))[0] == 409
    too_much = {"refund": 12801, "total": 12800, "currency": "CNY"}
    assert (await call(pay.refund, "R2", too_much, out_trade_no="T20000001"))[1]["code"] == "INVALID_REQUEST"


async def test_a_closed_trade_cannot_be_paid(world: World, config: PlatformConfig, http: aiohttp.ClientSession) -> None:
    pay = sdk(config)
    _, opened = await call(pay.pay, "保洁", "T30000001", CNY)
    assert (await call(pay.close, out_trade_no="T30000001"))[0] == 204
    assert (await scan(http, config, opened["code_url"]))[1]["code"] == "ORDER_CLOSED"


async def test_a_wrong_key_serial_or_merchant_is_refused(world: World, config: PlatformConfig, tmp_path: Path) -> None:
    make_keys(tmp_path / "other")
    forger = sdk(config)
    forger._core._private_key = _key(tmp_path / "other" / "wechat_merchant_key.pem")
    serial = sdk(config)
    serial._core._cert_serial_no = "00" * 20
    stranger = sdk(config)
    stranger._core._mchid = "1900000002"
    for pay in (forger, serial, stranger):
        status, answer = await call(pay.query, out_trade_no="T40000001")
        assert (status, answer["code"]) == (401, "SIGN_ERROR")


def _key(path: Path) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return load_pem_private_key(path.read_bytes(), None)


async def test_an_answer_that_another_key_signed_is_refused_by_the_sdk(
    world: World, config: PlatformConfig, tmp_path: Path
) -> None:
    make_keys(tmp_path / "other")
    pay = sdk(config)
    pay._core._public_key = _key(tmp_path / "other" / "wechat_platform_key.pem").public_key()
    with pytest.raises(Exception, match="verify"):
        await call(pay.pay, "保洁", "T50000001", CNY)


async def test_a_notification_is_repeated_until_taken_and_opens_with_the_sdk(
    config: PlatformConfig, http: aiohttp.ClientSession
) -> None:
    seen: list[tuple[dict[str, str], bytes]] = []

    async def notified(request: web.Request) -> web.Response:
        seen.append((dict(request.headers), await request.read()))
        return web.json_response({"code": "FAIL"}, status=500) if len(seen) < 3 else web.Response(status=204)

    port = free_ports(1)[0]
    app = web.Application()
    app.router.add_post("/notify", notified)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    pay = sdk(config, notify_url=f"http://127.0.0.1:{port}/notify")
    async with serving(config, waits=(0, 0, 0)):
        _, opened = await call(pay.pay, "保洁", "T60000001", CNY)
        await scan(http, config, opened["code_url"])
        async with asyncio.timeout(8):
            while len(seen) < 3:
                await asyncio.sleep(0.1)
        await asyncio.sleep(1)
    await runner.cleanup()
    assert len(seen) == 3
    opened_notices = [pay.callback(headers, body) for headers, body in seen]
    assert len({notice["id"] for notice in opened_notices}) == 1
    assert opened_notices[0]["resource"]["out_trade_no"] == "T60000001"
    assert opened_notices[0]["event_type"] == "TRANSACTION.SUCCESS"
    assert not pay.callback(seen[0][0], seen[0][1] + b" ")


async def test_faults_close_a_port_slow_it_and_make_it_err(
    world: World, config: PlatformConfig, http: aiohttp.ClientSession
) -> None:
    admin = f"http://{config.sandbox.admin_listen}/faults"
    primary, standby = sdk(config), sdk(config, "standby")
    await http.put(f"{admin}/wechat_primary_down", json={"on": True})
    with pytest.raises(requests.ConnectionError, match="refused"):
        await call(primary.query, out_trade_no="T70000001")
    assert (await call(standby.query, out_trade_no="T70000001"))[0] == 404
    await http.delete(f"{admin}/wechat_primary_down")
    assert (await call(primary.query, out_trade_no="T70000001"))[0] == 404
    await http.put(f"{admin}/wechat_slow", json={"on": True, "seconds": 30, "host": "primary"})
    with pytest.raises(requests.Timeout):
        await call(primary.query, out_trade_no="T70000001")
    assert (await call(standby.query, out_trade_no="T70000001"))[0] == 404
    await http.put(f"{admin}/wechat_errors", json={"on": True})
    assert (await call(standby.query, out_trade_no="T70000001"))[1]["code"] == "SYSTEM_ERROR"
    async with http.get(admin) as answer:
        on = [fault["name"] for fault in (await answer.json())["faults"] if fault["on"]]
    assert on == ["wechat_slow", "wechat_errors"]
    assert (await http.put(f"{admin}/nonsense", json={})).status == 404
    assert (await http.put(f"{admin}/wechat_slow", json={"on": "yes"})).status == 400
    await http.delete(admin)
    assert (await call(primary.query, out_trade_no="T70000001"))[0] == 404
