"""Alipay's notifications: forged, stale, for somebody else, repeated, about the wrong sum, damaged."""

from __future__ import annotations

import time
from urllib.parse import urlencode

from hypothesis import given
from hypothesis import strategies as st

from platform_app.payments.alipay import _form
from platform_app.payments.channel import NoticeRefused
from platform_app.payments.money import fen, moment, stamp, yuan
from platform_app.sandbox.world import alipay_signing_of
from tests.platform_app.payments.town import Town


def notice(town: Town, number: str, own: str, **changes: str) -> dict[str, str]:
    ali = town.folder.config.payments.alipay
    return {
        "notify_id": own,
        "notify_time": stamp(int(time.time())),
        "app_id": ali.app_id,
        "seller_id": ali.seller_id,
        "out_trade_no": number,
        "trade_no": "2026112300001",
        "trade_status": "TRADE_SUCCESS",
        "total_amount": "128.00",
        "body": "",
        "subject": "家政 & 保洁=好",
    } | changes


async def send(town: Town, body: bytes) -> tuple[int, str]:
    url = town.folder.config.payments.alipay.notify_url
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    async with town.http.post(url, data=body, headers=headers) as answer:
        return answer.status, await answer.text()


async def test_what_is_not_freshly_signed_for_us_changes_nothing(town: Town) -> None:
    order_id = await town.order()
    number = (await town.pay(order_id, "alipay_app"))[1]["out_trade_no"]
    signing = alipay_signing_of(town.folder.config)
    good, now = notice(town, number, "n1"), int(time.time())
    signed = signing.notification(good)
    bad = {
        "another key": signing.forged().notification(good),
        "unsigned": good,
        "a field changed": signed | {"trade_no": "1"},
        "a field added": signed | {"buyer_id": "1"},
        "not base64": signed | {"sign": "%%%"},
        "another type": signed | {"sign_type": "RSA"},
        "stale": signing.notification(good | {"notify_time": stamp(now - 301)}),
        "from the future": signing.notification(good | {"notify_time": stamp(now + 400)}),
        "no time": signing.notification(good | {"notify_time": "soon"}),
        "another application": signing.notification(good | {"app_id": "2021"}),
        "another seller": signing.notification(good | {"seller_id": "2088"}),
        "another sum": signing.notification(good | {"total_amount": "127.99"}),
        "no sum": signing.notification(good | {"total_amount": "1e2"}),
        "nobody's": signing.notification(good | {"out_trade_no": "NOBODYS1"}),
        "no id": signing.notification(good | {"notify_id": ""}),
    }
    for name, form in bad.items():
        assert await send(town, urlencode(form).encode()) == (401, "failure"), name
    for body in (b"", b"\xff\xfe", b"sign", urlencode(signed).encode() + b"&app_id=1", b"a=1&" * 200):
        assert await send(town, body) == (401, "failure")
    assert (await send(town, b"a=" + b"x" * 70_000))[0] == 413
    assert (await town.row(order_id)).status == "prepaid"
    assert [await send(town, urlencode(signed).encode()) for _ in range(3)] == [(200, "success")] * 3
    await town.until_order(order_id, "paid")
    row = await town.row(order_id)
    assert (await town.events(row.id)).count("succeeded") == 1


async def test_finished_counts_as_paid_and_a_wechat_trade_is_not_alipays(town: Town) -> None:
    order_id, other = await town.order(), await town.order()
    number = (await town.pay(order_id, "alipay_wap"))[1]["out_trade_no"]
    theirs = (await town.pay(other))[1]["out_trade_no"]
    signing = alipay_signing_of(town.folder.config)
    done = signing.notification(notice(town, number, "f1", trade_status="TRADE_FINISHED"))
    assert await send(town, urlencode(done).encode()) == (200, "success")
    assert (await town.row(order_id)).status == "succeeded"
    stray = signing.notification(notice(town, theirs, "f2"))
    assert await send(town, urlencode(stray).encode()) == (401, "failure")
    assert (await town.row(other)).status == "prepaid"


@given(st.binary(max_size=300))
def test_any_bytes_are_a_form_or_refused(body: bytes) -> None:
    try:
        assert isinstance(_form(body), dict)
    except NoticeRefused:
        return


@given(st.integers(0, 10**10))
def test_yuan_and_fen_are_the_same_money(amount: int) -> None:
    assert fen(yuan(amount)) == amount


@given(st.text(max_size=12))
def test_no_other_text_is_money(text: str) -> None:
    try:
        amount = fen(text)
    except ValueError:
        return
    assert amount >= 0
    assert yuan(amount).rstrip("0").rstrip(".") == (
        text.rstrip("0").rstrip(".") if "." in text else yuan(amount).rstrip("0").rstrip(".")
    )


def test_times_are_shanghais() -> None:
    assert stamp(0) == "1970-01-01 08:00:00"
    assert moment("1970-01-01 08:00:00") == 0
