"""An order's life: paid, accepted, completed, cancelled, expired; payments that repeat or come late."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import select, update

from platform_app.orders.events import REFUND_REQUESTED
from platform_app.orders.tables import order, outbox, slot
from platform_app.orders.transitions import STATUSES, TRANSITIONS
from tests.platform_app.orders.test_booking import book, count
from tests.platform_app.sandbox.homes import change
from tests.platform_app.world import CUSTOMER, OTHER, WORKER, Platform, eventually, tomorrow

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 2000


async def pay(platform: Platform, held: dict[str, Any], event: str = "e1", trade: str = "t1", **changed: Any) -> str:
    payload = {"order_id": held["id"], "out_trade_no": trade, "amount_fen": held["amount_fen"], **changed}
    body = {"id": event, "kind": changed.pop("kind", "payment.succeeded"), "payload": payload}
    status, answer = await platform.internal("orders", "POST", "/internal/payments", json=body)
    assert status == 200
    return str(answer["outcome"])


async def do(platform: Platform, held: dict[str, Any], verb: str, who: Any, **more: Any) -> tuple[int, Any]:
    return await platform.request("orders", "POST", f"/api/v1/orders/{held['id']}/{verb}", who, **more)


async def status_of(platform: Platform, held: dict[str, Any]) -> str:
    return str((await platform.request("orders", "GET", f"/api/v1/orders/{held['id']}", CUSTOMER))[1]["status"])


async def events(platform: Platform, kind: str) -> int:
    async with platform.app("orders").state.service.db.read() as c:
        return len((await c.execute(select(outbox.c.id).where(outbox.c.kind == kind))).all())


async def run_out(platform: Platform, held: dict[str, Any]) -> None:
    """Lets a hold end now, and waits for the sweep."""
    async with platform.app("orders").state.service.db.transaction() as c:
        past = {"hold_until": int(time.time()) - 1}
        await c.execute(update(order).where(order.c.id == held["id"]).values(past))
    await eventually(lambda: _is(platform, held, "expired"))


async def _is(platform: Platform, held: dict[str, Any], status: str) -> bool:
    return await status_of(platform, held) == status


def test_every_transition_leads_somewhere_known() -> None:
    for name, step in TRANSITIONS.items():
        assert {*step.sources, step.target} <= set(STATUSES), name
        assert step.target not in step.sources, name


async def test_paid_accepted_completed_with_a_photo(platform: Platform) -> None:
    await platform.start("catalog", "orders", "providers", "messages", "settlement")
    _, held = await book(platform, 11, tomorrow(10))
    assert (await do(platform, held, "accept", WORKER))[0] == 409, "not paid yet"
    assert await pay(platform, held) == "paid"
    assert (await do(platform, held, "accept", CUSTOMER))[0] == 403
    assert (await do(platform, held, "accept", WORKER))[1]["status"] == "accepted"
    assert (await do(platform, held, "complete", WORKER, data={"photo": b"GIF89a"}))[0] == 415
    status, done = await do(platform, held, "complete", WORKER, data={"photo": PNG})
    assert (status, done["status"], done["has_photo"]) == (200, "completed", True)
    assert await platform.request("orders", "GET", f"/api/v1/orders/{held['id']}/photo", CUSTOMER) == (200, PNG)
    assert await count(platform, slot) == 0, "the work is done, the time is free"

    async def told() -> bool:
        _, mine = await platform.request("messages", "GET", "/api/v1/messages", CUSTOMER)
        _, provider = await platform.request("providers", "GET", "/api/v1/providers/1")
        kinds = [item["kind"] for item in mine["items"]]
        wanted = {"order.held", "order.paid", "order.accepted", "order.completed"}
        return set(kinds) == wanted and len(kinds) == 4 and bool(provider["orders_done"] == 1)

    await eventually(told)
    await eventually(lambda: _empty(platform))


async def _empty(platform: Platform) -> bool:
    return await count(platform, outbox) == 0


async def test_a_payment_event_counts_once(platform: Platform) -> None:
    await platform.start("catalog", "orders")
    _, held = await book(platform, 11, tomorrow(10))
    assert [await pay(platform, held) for _ in range(3)] == ["paid", "repeated", "repeated"]
    assert await pay(platform, held, event="e2") == "repeated", "another event about the same trade"
    await do(platform, held, "accept", WORKER)
    assert await pay(platform, held, event="e3") == "repeated"
    assert await status_of(platform, held) == "accepted", "a repeated callback never sets an order back"


async def test_a_second_payment_and_a_wrong_amount_go_back(platform: Platform) -> None:
    await platform.start("catalog", "orders")
    _, held = await book(platform, 11, tomorrow(10))
    assert await pay(platform, held, amount_fen=1) == "refund_requested"
    assert await status_of(platform, held) == "held"
    assert await pay(platform, held, event="e2", trade="t2") == "paid"
    assert await pay(platform, held, event="e3", trade="t3") == "refund_requested"
    assert await status_of(platform, held) == "paid"
    assert await events(platform, REFUND_REQUESTED) == 2


async def test_a_hold_that_runs_out_frees_its_slots(platform: Platform) -> None:
    await platform.start("catalog", "orders")
    _, held = await book(platform, 11, tomorrow(10))
    await run_out(platform, held)
    assert await count(platform, slot) == 0
    assert (await book(platform, 11, tomorrow(10), OTHER))[0] == 201


async def test_a_hold_that_has_run_out_gives_way_before_the_sweep(platform: Platform) -> None:
    change(platform.folder, "orders", expiry_interval_seconds=3600, hold_minutes=0)
    await platform.start("catalog", "orders")
    first = await book(platform, 11, tomorrow(10))
    second = await book(platform, 11, tomorrow(10), OTHER)
    assert (first[0], second[0]) == (201, 201)
    assert await status_of(platform, first[1]) == "expired"


async def test_a_late_payment_takes_its_slots_again(platform: Platform) -> None:
    await platform.start("catalog", "orders")
    _, held = await book(platform, 11, tomorrow(10))
    await run_out(platform, held)
    assert await pay(platform, held) == "paid"
    assert await count(platform, slot) == 5
    assert (await book(platform, 11, tomorrow(10), OTHER))[0] == 409


async def test_a_late_payment_is_refunded_when_the_slots_are_gone(platform: Platform) -> None:
    await platform.start("catalog", "orders")
    _, held = await book(platform, 11, tomorrow(10))
    await run_out(platform, held)
    assert (await book(platform, 11, tomorrow(11), OTHER))[0] == 201
    assert await pay(platform, held) == "refunding"
    assert await events(platform, REFUND_REQUESTED) == 1
    assert await count(platform, slot) == 5, "nothing half claimed"
    assert await pay(platform, held, event="e9", kind="payment.refunded") == "refunded"
    assert await status_of(platform, held) == "refunded"


async def test_cancelling(platform: Platform) -> None:
    await platform.start("catalog", "orders")
    _, held = await book(platform, 11, tomorrow(10))
    assert (await do(platform, held, "cancel", OTHER))[0] == 404
    assert (await do(platform, held, "cancel", CUSTOMER))[1]["status"] == "cancelled"
    assert (await do(platform, held, "cancel", CUSTOMER))[0] == 409
    assert await pay(platform, held) == "refunding", "paid after it was cancelled"
    _, other = await book(platform, 11, tomorrow(10))
    await pay(platform, other, event="e2", trade="t2")
    status, gone = await do(platform, other, "cancel", CUSTOMER, json={"reason": "临时有事"})
    assert (status, gone["status"], gone["cancel_reason"]) == (200, "refunding", "临时有事")
    assert await events(platform, REFUND_REQUESTED) == 2
    assert await count(platform, slot) == 0


async def test_too_late_to_cancel_for_the_customer_not_for_the_provider(platform: Platform) -> None:
    await platform.start("catalog", "orders")
    _, held = await book(platform, 11, tomorrow(10))
    await pay(platform, held)
    async with platform.app("orders").state.service.db.transaction() as c:
        await c.execute(update(order).values(starts_at=int(time.time()) + 600))
    status, body = await do(platform, held, "cancel", CUSTOMER)
    assert (status, body["code"]) == (409, "too_late_to_cancel")
    assert (await do(platform, held, "cancel", WORKER))[1]["cancel_reason"] == "by_provider"


async def test_a_full_object_folder_refuses_photos_only(sqlite_platform: Platform) -> None:
    platform = sqlite_platform
    change(platform.folder, "storage", quota_bytes=3000)
    await platform.start("catalog", "orders")
    _, held = await book(platform, 11, tomorrow(10))
    await pay(platform, held)
    await do(platform, held, "accept", WORKER)
    assert (await do(platform, held, "complete", WORKER, data={"photo": PNG + b"0" * 2000}))[0] == 507
    assert (await do(platform, held, "complete", WORKER))[1]["has_photo"] is False
    text = (await platform.request("orders", "GET", "/metrics"))[1]
    assert b"booking_storage_refused_total 1.0" in text
    assert b"booking_storage_limit_bytes 3000.0" in text


async def test_payments_may_look_an_order_up(sqlite_platform: Platform) -> None:
    platform = sqlite_platform
    await platform.start("catalog", "orders")
    _, held = await book(platform, 11, tomorrow(10))
    status, seen = await platform.internal("orders", "GET", f"/internal/orders/{held['id']}")
    assert status == 200
    assert (seen["amount_fen"], seen["status"], seen["user_id"]) == (held["amount_fen"], "held", 1)
    assert seen["hold_until"] > time.time()
    assert (await platform.request("orders", "GET", f"/internal/orders/{held['id']}", CUSTOMER))[0] == 401
