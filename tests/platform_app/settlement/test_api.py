"""The service as its neighbours, providers and operators meet it; who may do what."""

from __future__ import annotations

import time
from typing import Any

import pytest

from platform_app.kit.config import ConfigFolder
from platform_app.kit.db import Db
from platform_app.kit.tokens import Principal
from platform_app.settlement import inbox
from platform_app.settlement.app import create
from tests.platform_app.world import CUSTOMER, OPERATOR, WORKER, Platform, eventually

BASE = "/api/v1/settlement"
STRANGER = Principal(12, "provider", 2)
KEY = {"Idempotency-Key": "key-00000001"}
WISH = {"amount_fen": 5_000, "openid": "openid-of-one"}
REASON = {"reason": "渠道确认"}
FIX = {
    "subject": "1",
    "reason": "补记",
    "entries": [
        {"account": "suspense", "amount_fen": 5},
        {"account": "channel_cash", "owner": "wechat", "amount_fen": -5},
    ],
}

MATRIX: dict[tuple[str, str], tuple[str, int, dict[str, Any]]] = {
    ("GET", "/balance"): ("provider", 200, {}),
    ("GET", "/entries"): ("provider", 200, {}),
    ("POST", "/withdrawals"): ("provider", 409, {"json": WISH, "headers": KEY}),
    ("GET", "/withdrawals"): ("provider", 200, {}),
    ("GET", "/operator/accounts"): ("operator", 200, {}),
    ("GET", "/operator/journals"): ("operator", 200, {}),
    ("POST", "/operator/journals"): ("operator", 201, {"json": FIX, "headers": KEY}),
    ("GET", "/operator/proof"): ("operator", 200, {}),
    ("GET", "/operator/withdrawals"): ("operator", 200, {}),
    ("POST", "/operator/withdrawals/{withdrawal_id}/approve"): ("operator", 404, {}),
    ("POST", "/operator/withdrawals/{withdrawal_id}/reject"): ("operator", 404, {"json": REASON}),
    ("GET", "/operator/differences"): ("operator", 200, {}),
    ("POST", "/operator/differences/{difference_id}/resolve"): ("operator", 404, {"json": REASON}),
    ("GET", "/operator/reconciliations"): ("operator", 200, {}),
}
"""Endpoint → the one role that may, what it is answered on empty books, what it sends."""


@pytest.fixture
async def service(sqlite_platform: Platform) -> Platform:
    await sqlite_platform.start("catalog", "settlement")
    return sqlite_platform


async def tell(platform: Platform, kind: str, event_id: str, **payload: Any) -> str:
    body = {"id": event_id, "kind": kind, "at": int(time.time()), "payload": payload, "source": "x"}
    status, answer = await platform.internal("settlement", "POST", "/internal/events", json=body)
    assert status == 200, answer
    return str(answer["outcome"])


async def earn(platform: Platform, order: int = 1, fen: int = 10_000, provider: int = 1, service_id: int = 0) -> None:
    """An order paid, done, and what it earned available."""
    trade = {"out_trade_no": f"T{order:08d}", "channel": "wechat_native", "user_id": 1}
    await tell(platform, "payment.succeeded", f"p{order}", order_id=order, amount_fen=fen, **trade)
    done = {"order_id": order, "amount_fen": fen, "provider_id": provider, "service_id": service_id}
    await tell(platform, "order.completed", f"c{order}", **done)
    db = Db(platform.folder.config.database_url)
    await inbox.release(db, order, int(time.time()) + 365 * 86_400)
    await db.close()


async def call(platform: Platform, method: str, path: str, who: Principal | None, **more: Any) -> tuple[int, Any]:
    return await platform.request("settlement", method, BASE + path, who, **more)


def test_the_matrix_names_every_endpoint(sqlite_platform_folder: ConfigFolder) -> None:
    paths = create(sqlite_platform_folder).openapi()["paths"]
    found = {(method.upper(), path.removeprefix(BASE)) for path, item in paths.items() for method in item}
    assert found == set(MATRIX)


@pytest.fixture
def sqlite_platform_folder(sqlite_platform: Platform) -> ConfigFolder:
    return sqlite_platform.folder


async def test_every_endpoint_by_every_role(service: Platform) -> None:
    people = {"customer": CUSTOMER, "provider": WORKER, "operator": OPERATOR, "nobody": None}
    for (method, path), (allowed, answer, sent) in MATRIX.items():
        real = path.replace("{withdrawal_id}", "987654").replace("{difference_id}", "987654")
        for role, who in people.items():
            status, body = await call(service, method, real, who, **sent)
            wanted = 401 if who is None else answer if role == allowed else 403
            assert (status, path, role) == (wanted, path, role), body
            if status >= 400:
                assert body["code"]
    half = Principal(77, "provider")
    assert (await call(service, "GET", "/balance", half))[0] == 403


async def test_a_provider_sees_and_withdraws_only_his_own(service: Platform) -> None:
    await earn(service)
    mine = {"pending_fen": 0, "available_fen": 8_500, "frozen_fen": 0, "owed_fen": 0, "in_transit_fen": 0}
    assert await call(service, "GET", "/balance", WORKER) == (200, mine)
    assert (await call(service, "GET", "/balance", STRANGER))[1]["available_fen"] == 0
    status, made = await call(service, "POST", "/withdrawals", WORKER, json=WISH, headers=KEY)
    assert (status, made["state"]) == (201, "requested")
    assert await call(service, "POST", "/withdrawals", WORKER, json=WISH, headers=KEY) == (200, made)
    status, refused = await call(service, "POST", "/withdrawals", STRANGER, json=WISH, headers=KEY)
    assert (status, refused["code"], refused["field"]) == (409, "not_enough", "amount_fen")
    assert (await call(service, "GET", "/withdrawals", STRANGER))[1]["items"] == []
    _, entries = await call(service, "GET", "/entries?limit=1", WORKER)
    assert [(e["kind"], e["amount_fen"], e["balance_fen"]) for e in entries["items"]] == [
        ("withdrawal.requested", -5_000, 3_500)
    ]
    _, rest = await call(service, "GET", f"/entries?cursor={entries['next_cursor']}", WORKER)
    assert [(e["kind"], e["amount_fen"]) for e in rest["items"]] == [("earning.released", 8_500)]
    assert rest["next_cursor"] is None
    status, approved = await call(service, "POST", f"/operator/withdrawals/{made['id']}/approve", OPERATOR)
    assert (status, approved["state"]) == (200, "approved")


async def test_the_commission_is_that_of_the_services_category(service: Platform) -> None:
    await earn(service, 1, service_id=1)
    await earn(service, 2, service_id=2)  # 家电清洗: 18 %
    await earn(service, 3, service_id=404)
    _, journals = await call(service, "GET", "/operator/journals?limit=100", OPERATOR)
    taken = {
        j["subject"]: -e["amount_fen"]
        for j in journals["items"]
        for e in j["entries"]
        if (j["kind"], e["account"]) == ("order.completed", "commission")
    }
    assert taken == {"1": 1_500, "2": 1_800, "3": 1_500}


async def test_operators_read_the_books_and_correct_them_by_a_new_journal(service: Platform) -> None:
    await earn(service)
    _, accounts = await call(service, "GET", "/operator/accounts?limit=2", OPERATOR)
    assert (len(accounts["items"]), accounts["next_cursor"] is not None) == (2, True)
    _, journals = await call(service, "GET", "/operator/journals?subject=1", OPERATOR)
    assert all(sum(e["amount_fen"] for e in j["entries"]) == 0 for j in journals["items"])
    for posted in (True, False):
        status, made = await call(service, "POST", "/operator/journals", OPERATOR, json=FIX, headers=KEY)
        assert (status, made["posted"]) == (201, posted)
    wrong = {
        "unbalanced": [{"account": "suspense", "amount_fen": 5}, {"account": "commission", "amount_fen": -4}],
        "unknown_account": [{"account": "gold", "amount_fen": 5}, {"account": "commission", "amount_fen": -5}],
        "bad_owner": [{"account": "wallet", "amount_fen": 5}, {"account": "commission", "amount_fen": -5}],
        "overdrawn": [{"account": "customer_funds", "amount_fen": 5}, {"account": "commission", "amount_fen": -5}],
    }
    for code, entries in wrong.items():
        body = {**FIX, "entries": entries}
        other = {"Idempotency-Key": f"key-{code}"}
        status, told = await call(service, "POST", "/operator/journals", OPERATOR, json=body, headers=other)
        assert (told["code"], status in (409, 422)) == (code, True)
    status, proof = await call(service, "GET", "/operator/proof", OPERATOR)
    assert (status, proof["right"], proof["imbalance_fen"]) == (200, True, 0)


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("POST", "/withdrawals", {"json": {**WISH, "amount_fen": -1}, "headers": KEY}),
        ("POST", "/withdrawals", {"json": {**WISH, "amount_fen": 1 << 70}, "headers": KEY}),
        ("POST", "/withdrawals", {"json": {**WISH, "openid": "../../x y"}, "headers": KEY}),
        ("POST", "/withdrawals", {"json": WISH}),
        ("POST", "/withdrawals", {"data": b"\xff{", "headers": KEY}),
        ("GET", "/entries?limit=1000", {}),
        ("GET", "/entries?purse=debt", {}),
        ("GET", "/entries?cursor=%00", {}),
    ],
)
async def test_wrong_input_is_refused_by_name(service: Platform, method: str, path: str, more: dict[str, Any]) -> None:
    status, body = await call(service, method, path, WORKER, **more)
    assert status in (400, 422)
    assert body["code"] in ("invalid", "bad_cursor")


async def test_events_of_others_and_unreadable_ones_are_taken_and_change_nothing(service: Platform) -> None:
    assert await tell(service, "order.held", "e1") == "ignored"
    assert await tell(service, "payment.succeeded", "e2", order_id=1, amount_fen=-5) == "unreadable"
    assert await tell(service, "order.completed", "e3", order_id="1", amount_fen=5) == "unreadable"
    status, _ = await service.request("settlement", "POST", "/internal/events", OPERATOR, json={})
    assert status == 401
    assert (await call(service, "GET", "/operator/proof", OPERATOR))[1]["journals"] == 0


async def test_a_refund_to_the_wallet_is_owed_to_the_customer_and_in_no_bill(service: Platform) -> None:
    trade = {"order_id": 1, "amount_fen": 700, "out_trade_no": "T1", "channel": "wechat_jsapi", "user_id": 5}
    assert await tell(service, "payment.succeeded", "p1", **trade) == "posted"
    assert await tell(service, "payment.refunded", "r1", **trade, out_refund_no="R1", target="wallet") == "posted"
    _, accounts = await call(service, "GET", "/operator/accounts", OPERATOR)
    held = {(a["kind"], a["owner"]): a["balance_fen"] for a in accounts["items"] if a["balance_fen"]}
    assert held == {("channel_cash", "wechat"): 700, ("wallet", "5"): 700}


async def test_the_figures_show_the_books(service: Platform) -> None:
    await earn(service)
    registry = service.app("settlement").state.service.metrics.registry
    room = service.app("settlement").state.service.room
    await room.refresh(int(time.time()))
    value = registry.get_sample_value
    assert value("platform_settlement_balance_fen", {"kind": "provider_available"}) == 8_500
    assert value("platform_settlement_journals_total", {"kind": "order.completed"}) == 1
    assert value("platform_settlement_imbalance_fen") == 0
    assert value("booking_settlement_difference_fen", {"channel": "wechat"}) == 0
    assert value("platform_settlement_events_waiting") == 0
    await eventually(lambda: value("platform_settlement_reconciled_timestamp_seconds", {"channel": "wechat"}))
