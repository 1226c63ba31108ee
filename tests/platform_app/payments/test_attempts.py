"""Several attempts at one order: one wins, the others are closed or go back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from platform_app.payments import repository
from tests.platform_app.payments.town import Town
from tests.platform_app.sandbox.homes import change


async def opened(town: Town, order_id: int, channel: str) -> dict[str, Any]:
    status, answer = await town.pay(order_id, channel, **({"openid": "o123"} if channel == "wechat_jsapi" else {}))
    assert status == 200, answer
    shown: dict[str, Any] = answer
    return shown


@pytest.mark.parametrize("channel", ["alipay_app", "alipay_wap", "alipay_page"])
async def test_an_order_is_paid_by_alipay_and_its_notification(town: Town, channel: str) -> None:
    order_id = await town.order()
    attempt = await opened(town, order_id, channel)
    assert (attempt["code_url"], attempt["gateway"]) == (None, "primary")
    assert await town.pay(order_id, channel) == (200, attempt)
    assert await town.alipay(attempt["client"]) == 200
    row = await town.until(order_id, "succeeded")
    await town.until_order(order_id, "paid")
    assert row.transaction_id.startswith("20")
    assert await town.cancel(order_id) == 200
    await town.until_order(order_id, "refunded")
    assert town.recomputed() == []


@pytest.mark.parametrize("channel", ["wechat_jsapi", "wechat_app", "wechat_h5"])
async def test_an_order_is_paid_by_what_each_client_is_given(town: Town, channel: str) -> None:
    order_id = await town.order()
    client = (await opened(town, order_id, channel))["client"]
    if "h5_url" in client:
        assert await town.wechat(h5_url=client["h5_url"]) == 200
    else:
        signature = "paySign" if channel == "wechat_jsapi" else "sign"
        assert await town.wechat(client={**client, signature: "AAAA"}) == 403
        assert await town.wechat(client=client) == 200
    await town.until_order(order_id, "paid")


async def test_jsapi_needs_to_know_who_pays(town: Town) -> None:
    status, problem = await town.pay(await town.order(), "wechat_jsapi")
    assert (status, problem["code"]) == (422, "invalid")


async def test_the_first_success_wins_and_the_others_are_closed_at_their_channels(town: Town) -> None:
    order_id = await town.order()
    wechat, alipay = await opened(town, order_id, "wechat_native"), await opened(town, order_id, "alipay_app")
    assert await town.alipay(alipay["client"]) == 200
    await town.until_order(order_id, "paid")
    await town.check(1)
    _, shown = await town.call("GET", f"/api/v1/orders/{order_id}/payments")
    assert {p["out_trade_no"]: p["status"] for p in shown["payments"]} == {
        wechat["out_trade_no"]: "closed",
        alipay["out_trade_no"]: "succeeded",
    }
    assert await town.scan(wechat["code_url"]) == 409
    assert town.recomputed() == []


async def test_two_channels_paid_at_once_one_wins_the_other_goes_back(town: Town) -> None:
    order_id = await town.order()
    wechat, alipay = await opened(town, order_id, "wechat_native"), await opened(town, order_id, "alipay_app")
    await town.alipay(alipay["client"], pay=False)
    assert await asyncio.gather(town.scan(wechat["code_url"]), town.alipay(alipay["client"])) == [200, 200]
    await town.until_order(order_id, "paid")
    numbers = (wechat["out_trade_no"], alipay["out_trade_no"])
    async with asyncio.timeout(15):
        while True:
            shown = [(await town.call("GET", f"/api/v1/payments/{number}"))[1] for number in numbers]
            if sorted(p["status"] for p in shown) == ["refunded", "succeeded"]:
                break
            await asyncio.sleep(0.1)
    assert await town.order_status(order_id) == "paid"
    lost = next(p for p in shown if p["status"] == "refunded")
    assert [r["reason"] for r in lost["refunds"]] == ["paid_twice"]
    assert (
        town.payments.metrics.registry.get_sample_value(
            "platform_payments_paid_twice_total", {"channel": lost["channel"]}
        )
        == 1
    )
    assert town.recomputed() == []


async def test_an_alipay_order_opened_after_another_attempt_won_goes_back(town: Town) -> None:
    order_id = await town.order()
    alipay, wechat = await opened(town, order_id, "alipay_app"), await opened(town, order_id, "wechat_native")
    await town.scan(wechat["code_url"])
    await town.until_order(order_id, "paid")
    await town.fault("alipay_callbacks_lost")
    await town.check(1)
    await town.alipay(alipay["client"])
    await town.check(200)
    await town.refund_tick(201)
    await town.settled(alipay["out_trade_no"], 12800)
    assert await town.order_status(order_id) == "paid"


async def test_lost_alipay_notices_are_asked_for_and_time_out_closes(town: Town) -> None:
    await town.fault("alipay_callbacks_lost")
    first, second, third = [await town.order() for _ in range(3)]
    paid = await opened(town, first, "alipay_app")
    seen = await opened(town, second, "alipay_app")
    await opened(town, third, "alipay_app")
    await town.alipay(paid["client"])
    await town.alipay(seen["client"], pay=False)
    await town.check(11)
    assert (await town.row(first)).status == "succeeded"
    assert ((await town.row(second)).status, (await town.row(third)).status) == ("prepaid", "prepaid")
    await town.check(920)
    assert ((await town.row(second)).status, (await town.row(third)).status) == ("closed", "closed")
    assert await town.alipay(seen["client"]) == 409


async def test_alipay_has_a_standby_host_and_a_breaker(town: Town) -> None:
    await town.fault("alipay_primary_down")
    order_id = await town.order()
    attempt = await opened(town, order_id, "alipay_app")
    for later in range(11, 400, 30):
        await town.check(later)
    calls = {"channel": "alipay_app", "gateway": "primary", "result": "failed"}
    assert town.payments.metrics.registry.get_sample_value("platform_payments_channel_calls_total", calls)
    await town.alipay(attempt["client"])
    own = town.folder.config.payments.alipay
    change(
        town.folder,
        "payments",
        alipay={**{k: getattr(own, k) for k in own.__dataclass_fields__}, "gateway": "standby"},
    )
    async with asyncio.timeout(4):
        while town.payments.config.payments.alipay.gateway != "standby":
            await asyncio.sleep(0.05)
    assert (await opened(town, await town.order(), "alipay_app"))["gateway"] == "standby"
    assert await town.cancel(order_id) in (200, 409)


async def test_a_host_that_fails_on_is_left_alone_for_a_while(town: Town) -> None:
    await town.fault("wechat_errors")
    reasons = []
    for _ in range(town.folder.config.payments.breaker_failures + 1):
        reasons.append((await town.pay(await town.order()))[1]["reason"])
    assert (reasons[0], reasons[-1]) == ("SYSTEM_ERROR", "circuit_open")
    assert (await town.pay(await town.order(), "alipay_app"))[0] == 200


@pytest.mark.parametrize("channel", ["wechat_native", "alipay_app"])
async def test_a_payment_heard_of_after_the_hold_claims_the_slots_again(town: Town, channel: str) -> None:
    for fault in ("callbacks_lost", "alipay_callbacks_lost"):
        await town.fault(fault)
    order_id = await town.order(hold_seconds=2)
    attempt = await opened(town, order_id, channel)
    paid = town.alipay(attempt["client"]) if attempt["client"] else town.scan(attempt["code_url"])
    assert await paid == 200
    await town.until_order(order_id, "expired")
    async with town.payments.db.transaction() as c:
        await repository.change(c, (await town.row(order_id)).id, check_at=0)
    await town.until_order(order_id, "paid")
    assert town.recomputed() == []
