"""Alipay as the real SDK meets it."""

from __future__ import annotations

import asyncio
import io
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import pytest
from aiohttp import web
from alipay import AliPay, AliPayConfig
from alipay.exceptions import AliPayValidationError

from platform_app.kit.config import PlatformConfig
from platform_app.kit.times import day_of, now
from platform_app.sandbox.keys import make_keys
from platform_app.sandbox.world import World
from tests.platform_app.sandbox.homes import free_ports
from tests.platform_app.sandbox.serving import serving

TRADE = "alipay.trade"


def sdk(config: PlatformConfig, gateway: str = "primary", notify_url: str = "http://127.0.0.1:9/none") -> AliPay:
    own = config.payments.alipay
    made = AliPay(
        appid=own.app_id,
        app_notify_url=notify_url,
        app_private_key_string=Path(own.private_key_file).read_text(),
        alipay_public_key_string=Path(own.public_key_file).read_text(),
        config=AliPayConfig(timeout=2),
    )
    made._gateway = f"{own.hosts[gateway]}/gateway.do"
    return made


async def ask(pay: AliPay, method: str, **content: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await asyncio.to_thread(pay.server_api, f"{TRADE}.{method}", content)
    return answer


async def scan(http: aiohttp.ClientSession, config: PlatformConfig, order: str, pay: bool = True) -> tuple[int, Any]:
    url = f"http://{config.sandbox.listen}/phone/alipay"
    async with http.post(url, json={"order": order, "pay": pay}) as answer:
        return answer.status, await answer.json()


@pytest.mark.parametrize("kind", ["app", "wap", "page"])
async def test_open_pay_query_refund_over_both_hosts(
    world: World, config: PlatformConfig, http: aiohttp.ClientSession, kind: str
) -> None:
    primary, standby = sdk(config), sdk(config, "standby")
    order = getattr(primary, f"api_alipay_trade_{kind}_pay")("保洁 & 清洗=两次", f"A{kind}00001", "128.00")
    assert (await ask(primary, "query", out_trade_no=f"A{kind}00001"))["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    assert (await scan(http, config, order, pay=False))[1]["trade_status"] == "WAIT_BUYER_PAY"
    text = order if kind == "app" else f"{primary._gateway}?{order}"
    assert (await scan(http, config, text))[1]["trade_status"] == "TRADE_SUCCESS"
    seen = await ask(standby, "query", out_trade_no=f"A{kind}00001")
    assert (seen["trade_status"], seen["total_amount"]) == ("TRADE_SUCCESS", "128.00")
    assert (await ask(standby, "close", out_trade_no=f"A{kind}00001"))["sub_code"] == "ACQ.TRADE_STATUS_ERROR"
    part = {"out_trade_no": f"A{kind}00001", "refund_amount": "28.00", "out_request_no": "R1"}
    assert [(await ask(primary, "refund", **part))["fund_change"] for _ in range(2)] == ["Y", "N"]
    assert (await ask(primary, "refund", **{**part, "refund_amount": "1"}))[
        "sub_code"
    ] == "ACQ.DISCORDANT_REPEAT_REQUEST"
    over = {**part, "refund_amount": "100.01", "out_request_no": "R2"}
    assert (await ask(primary, "refund", **over))["sub_code"] == "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"
    whole = await ask(primary, "refund", **{**over, "refund_amount": "100"})
    assert whole["refund_fee"] == "128.00"
    back = await ask(standby, "fastpay.refund.query", out_trade_no=f"A{kind}00001", out_request_no="R2")
    assert (back["refund_status"], back["refund_amount"]) == ("REFUND_SUCCESS", "100.00")
    unknown = await ask(standby, "fastpay.refund.query", out_trade_no=f"A{kind}00001", out_request_no="R3")
    assert "refund_status" not in unknown
    assert (await ask(primary, "query", out_trade_no=f"A{kind}00001"))["trade_status"] == "TRADE_CLOSED"


async def test_what_is_not_signed_by_the_merchant_or_wrong_is_refused(
    world: World, config: PlatformConfig, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    pay = sdk(config)
    order = pay.api_alipay_trade_app_pay("保洁", "A0000002", "1.00")
    assert (await scan(http, config, order.replace("A0000002", "A0000003")))[1]["sub_code"] == "isv.invalid-signature"
    make_keys(tmp_path / "other")
    own = pay._app_private_key_string
    pay._app_private_key_string = (tmp_path / "other" / "alipay_app_key.pem").read_text()
    pay._load_key()
    assert (await ask(pay, "query", out_trade_no="A0000002"))["sub_code"] == "isv.invalid-signature"
    pay._app_private_key_string = own
    pay._load_key()
    assert (await scan(http, config, pay.api_alipay_trade_app_pay("保洁", "A4", "0")))[1][
        "sub_code"
    ] == "ACQ.INVALID_PARAMETER"
    late = pay.api_alipay_trade_app_pay("保洁", "A5", "1.00", time_expire="2020-01-01 00:00:00")
    assert (await scan(http, config, late))[1]["sub_code"] == "ACQ.TRADE_HAS_CLOSE"
    await scan(http, config, order, pay=False)
    await ask(pay, "close", out_trade_no="A0000002")
    assert (await scan(http, config, order))[1]["sub_code"] == "ACQ.TRADE_HAS_CLOSE"


async def test_a_forged_answer_is_refused_by_the_sdk(
    world: World, config: PlatformConfig, http: aiohttp.ClientSession
) -> None:
    await http.put(f"http://{config.sandbox.admin_listen}/faults/alipay_forged", json={"on": True})
    with pytest.raises(AliPayValidationError):
        await ask(sdk(config), "query", out_trade_no="A0000006")


@pytest.mark.parametrize(
    ("fault", "expected"),
    [("", 1), ("alipay_callbacks_repeated", 3), ("alipay_callbacks_lost", 0), ("alipay_callbacks_reordered", 1)],
)
async def test_notifications_arrive_as_the_faults_say_and_verify(
    config: PlatformConfig, http: aiohttp.ClientSession, fault: str, expected: int
) -> None:
    seen: list[dict[str, str]] = []

    async def notified(request: web.Request) -> web.Response:
        seen.append(dict(parse_qsl((await request.read()).decode(), keep_blank_values=True)))
        return web.Response(text="success")

    port = free_ports(1)[0]
    app = web.Application()
    app.router.add_post("/notify", notified)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    pay = sdk(config, notify_url=f"http://127.0.0.1:{port}/notify")
    async with serving(config, waits=(0, 0)) as world:
        if fault:
            await http.put(f"http://{config.sandbox.admin_listen}/faults/{fault}", json={"on": True})
        await scan(http, config, pay.api_alipay_trade_app_pay("保洁", "A0000007", "1.00"))
        async with asyncio.timeout(8):
            while world.store.rows("SELECT 1 FROM ali_notice WHERE next_at IS NOT NULL"):
                await asyncio.sleep(0.05)
    await runner.cleanup()
    assert len(seen) == expected
    for given in seen:
        signature = given.pop("sign")
        assert given["body"] == ""
        assert pay.verify({k: v for k, v in given.items() if v}, signature)
        assert not pay.verify(
            {k: v for k, v in given.items() if v and k != "sign_type"} | {"total_amount": "9"}, signature
        )


async def test_the_bill_is_a_zip_of_a_gbk_table(
    world: World, config: PlatformConfig, http: aiohttp.ClientSession
) -> None:
    pay = sdk(config)
    await scan(http, config, pay.api_alipay_trade_app_pay("日常保洁", "A0000008", "128.00"))
    await ask(pay, "refund", out_trade_no="A0000008", refund_amount="28.50", out_request_no="R8")
    content = {"bill_type": "trade", "bill_date": day_of(now())}
    answer = await asyncio.to_thread(pay.server_api, "alipay.data.dataservice.bill.downloadurl.query", content)
    async with http.get(answer["bill_download_url"]) as packed:
        archive = zipfile.ZipFile(io.BytesIO(await packed.read()))
    text = archive.read(archive.namelist()[0]).decode("gbk")
    lines = [line.split(",") for line in text.splitlines() if not line.startswith("#")]
    assert [line[2] for line in lines] == ["业务类型", "交易", "退款"]
    assert [line[12] for line in lines[1:]] == ["128.00", "-28.50"]
    assert lines[2][21].strip() == "R8"
    wrong = {"bill_type": "trade", "bill_date": "yesterday"}
    refused = await asyncio.to_thread(pay.server_api, "alipay.data.dataservice.bill.downloadurl.query", wrong)
    assert refused["sub_code"] == "INVAILID_ARGUMENTS"
