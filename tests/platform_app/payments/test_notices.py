"""Notifications: forged, stale, repeated, out of order, about the wrong sum."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from platform_app.sandbox.keys import PLATFORM_KEY, make_keys
from platform_app.sandbox.wechat.signing import Signing
from platform_app.sandbox.world import signing_of
from tests.platform_app.payments.town import Town


def paid(town: Town, opened: dict[str, Any], total: int = 12800) -> dict[str, Any]:
    return {
        "mchid": town.folder.config.payments.mchid,
        "out_trade_no": opened["out_trade_no"],
        "trade_state": "SUCCESS",
        "transaction_id": "4200001",
        "amount": {"total": total},
    }


async def test_what_is_not_freshly_signed_by_wechat_changes_nothing(town: Town, tmp_path: Path) -> None:
    order_id = await town.order()
    _, opened = await town.pay(order_id)
    signing, now = signing_of(town.folder.config), time.time()
    body = town.notice(paid(town, opened), "EV-1")
    good = signing.headers(body, now)
    bad: dict[str, dict[str, str]] = {
        "stale": signing.headers(body, now - 301),
        "from the future": signing.headers(body, now + 400),
        "another key": forger(signing, tmp_path).headers(body, now),
        "another body": signing.headers(body + b" ", now),
        "probe": good | {"Wechatpay-Signature": "WECHATPAY/SIGNTEST/" + good["Wechatpay-Signature"]},
        "a key that is not WeChat's": good | {"Wechatpay-Serial": "PUB_KEY_ID_1"},
        "another algorithm": good | {"Wechatpay-Signature-Type": "MD5"},
        "newer time, old signature": good | {"Wechatpay-Timestamp": str(int(now) + 1)},
        "nothing": {},
    }
    for name, headers in bad.items():
        assert await town.notify(body, headers) == 401, name
    for seal in (replace(signing, apiv3_key=b"0" * 32), None):
        sealed = town.notice(paid(town, opened), "EV-1", by=seal)
        wrong = sealed if seal else sealed.replace(b"AEAD", b"NONE")
        assert await town.notify(wrong, signing.headers(wrong, now)) == 401
    assert (await town.row(order_id)).status == "prepaid"
    assert await town.notify(body, good) == 204


def forger(signing: Signing, folder: Path) -> Signing:
    make_keys(folder / "forger")
    key = load_pem_private_key((folder / "forger" / PLATFORM_KEY).read_bytes(), None)
    assert isinstance(key, RSAPrivateKey)
    return replace(signing, platform_key=key)


async def test_a_notice_counts_once(town: Town) -> None:
    order_id = await town.order()
    _, opened = await town.pay(order_id)
    body = town.notice(paid(town, opened), "EV-2")
    headers = signing_of(town.folder.config).headers(body, time.time())
    assert [await town.notify(body, headers) for _ in range(3)] == [204] * 3
    other = town.notice(paid(town, opened), "EV-3")
    assert await town.notify(other, signing_of(town.folder.config).headers(other, time.time())) == 204
    await town.until_order(order_id, "paid")
    assert town.counted("succeeded") == 1


async def test_a_wrong_sum_or_an_unknown_trade_is_not_taken(town: Town) -> None:
    order_id = await town.order()
    _, opened = await town.pay(order_id)
    signing = signing_of(town.folder.config)
    for resource in (paid(town, opened, total=1), paid(town, {"out_trade_no": "NOBODYS1"})):
        body = town.notice(resource, "EV-4")
        assert await town.notify(body, signing.headers(body, time.time())) == 401
    row = await town.row(order_id)
    assert row.status == "prepaid"
    assert "amount_mismatch" in await town.events(row.id)


async def test_money_that_went_back_never_comes_again_by_a_late_notice(town: Town) -> None:
    order_id = await town.order()
    _, opened = await town.pay(order_id)
    number = opened["out_trade_no"]
    amount = {"total": 12800, "refund": 12800}
    back = {"out_trade_no": number, "out_refund_no": f"R{number}", "refund_status": "SUCCESS", "amount": amount}
    signing = signing_of(town.folder.config)
    for resource, own, kind in (
        (back, "EV-5", "REFUND.SUCCESS"),
        (paid(town, opened), "EV-6", "TRANSACTION.SUCCESS"),
        (back, "EV-5", "REFUND.SUCCESS"),
    ):
        body = town.notice(resource, own, kind)
        assert await town.notify(body, signing.headers(body, time.time())) == 204
        assert (await town.row(order_id)).status == "refunded"
    assert town.counted("succeeded") == 0
