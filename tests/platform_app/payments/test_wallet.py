"""Wallets: exact under many at once, never negative, the sum of their entries."""

from __future__ import annotations

import asyncio
from typing import Any

from platform_app.kit.tokens import Principal
from tests.platform_app.payments.town import CUSTOMER, Town

OPERATOR = Principal(9, "operator")


async def persistent(town: Town, order_id: int) -> tuple[int, Any]:
    """Pays from the wallet; asks again while the database is busy."""
    while True:
        status, body = await town.pay(order_id, "wallet")
        if status != 503:
            return status, body


async def test_fifty_payments_at_once_spend_what_is_there_and_no_more(town: Town) -> None:
    await town.credit(CUSTOMER.user_id, 30 * 1000 + 999)
    orders = [await town.order(amount_fen=1000) for _ in range(50)]
    answers = await asyncio.gather(*(persistent(town, order_id) for order_id in orders))
    assert sorted(status for status, _ in answers) == [200] * 30 + [409] * 20
    assert {body["code"] for status, body in answers if status == 409} == {"insufficient_balance"}
    found = await town.balance()
    assert (found.balance_fen, found.version) == (999, 31)
    assert town.recomputed() == []


async def test_a_wallet_pays_wins_and_gets_its_money_back(town: Town) -> None:
    await town.credit(CUSTOMER.user_id, 20_000)
    order_id = await town.order()
    _, wechat = await town.pay(order_id)
    status, done = await town.pay(order_id, "wallet")
    assert (status, done["status"]) == (200, "succeeded")
    await town.until_order(order_id, "paid")
    assert (await town.pay(order_id, "wallet"))[1]["code"] in ("paid_already", "not_payable")
    await town.check(1)
    assert await town.scan(wechat["code_url"]) == 409
    assert await town.cancel(order_id) == 200
    await town.until_order(order_id, "refunded")
    assert (await town.balance()).balance_fen == 20_000
    _, shown = await town.call("GET", "/api/v1/payments/wallet/entries")
    assert [e["amount_fen"] for e in shown["entries"]] == [12800, -12800, 20_000]
    assert town.recomputed() == []


async def test_a_top_up_arrives_once_by_its_channel(town: Town) -> None:
    wish = {"channel": "alipay_app", "amount_fen": 5000}
    status, attempt = await town.keyed("/payments/wallet/top-ups", wish, "top-up-01")
    assert (status, attempt["order_id"]) == (200, None)
    again = await town.keyed("/payments/wallet/top-ups", wish, "top-up-01")
    assert again[1]["out_trade_no"] == attempt["out_trade_no"]
    other = await town.keyed("/payments/wallet/top-ups", {**wish, "amount_fen": 5001}, "top-up-01")
    assert (other[0], other[1]["code"]) == (409, "key_reused")
    await town.fault("alipay_callbacks_repeated")
    await town.alipay(attempt["client"])
    async with asyncio.timeout(10):
        while (await town.balance()).balance_fen != 5000:
            await asyncio.sleep(0.05)
    await town.check(11)
    assert (await town.call("GET", "/api/v1/payments/wallet"))[1] == {
        "balance_fen": 5000,
        "frozen_fen": 0,
        "version": 1,
    }
    for amount in (99, 500_001, -5, 2**70):
        bad = {"channel": "alipay_app", "amount_fen": amount}
        assert (await town.keyed("/payments/wallet/top-ups", bad, "top-up-02"))[0] == 422
    number = attempt["out_trade_no"]
    assert (await town.keyed(f"/payments/{number}/refunds", {}, "key-00009", OPERATOR))[0] == 404
    assert town.recomputed() == []


async def test_frozen_money_cannot_be_spent(town: Town) -> None:
    await town.credit(CUSTOMER.user_id, 1500)
    path = f"/payments/wallets/{CUSTOMER.user_id}"
    wish = {"amount_fen": 1000, "version": 1}
    assert (await town.keyed(f"{path}/freeze", wish, "freeze-01", CUSTOMER))[0] == 403
    frozen = {"balance_fen": 500, "frozen_fen": 1000, "version": 2}
    for _ in range(2):
        assert await town.keyed(f"{path}/freeze", wish, "freeze-01", OPERATOR) == (200, frozen)
    reused = await town.keyed(f"{path}/freeze", {"amount_fen": 999}, "freeze-01", OPERATOR)
    assert (reused[0], reused[1]["code"]) == (409, "key_reused")
    stale = await town.keyed(f"{path}/freeze", {"amount_fen": 1, "version": 1}, "freeze-02", OPERATOR)
    assert (stale[0], stale[1]["code"]) == (409, "version_conflict")
    assert (await town.pay(await town.order(amount_fen=1000), "wallet"))[1]["code"] == "insufficient_balance"
    assert (await town.keyed(f"{path}/unfreeze", {"amount_fen": 1001}, "unfreeze1", OPERATOR))[0] == 409
    assert (await town.keyed(f"{path}/unfreeze", {"amount_fen": 1000}, "unfreeze2", OPERATOR))[0] == 200
    assert (await town.pay(await town.order(amount_fen=1000), "wallet"))[0] == 200
    assert (await town.balance()).balance_fen == 500
