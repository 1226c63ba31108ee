"""Databases of before 0006 keep every payment, refund under way and winner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from platform_app.kit.db import sync_engine
from platform_app.kit.migrate import upgrade
from tests.servers import mariadb

ROWS = (
    # id, order, attempt, trade no, status, succeeded_at, refund_status, refunded_at, check_at
    (1, 1, 1, "OLD0000001", "failed", None, None, None, None),
    (2, 1, 2, "OLD0000002", "succeeded", 50, None, None, None),
    (3, 2, 1, "OLD0000003", "refunded", 60, "done", 70, None),
    (4, 3, 1, "OLD0000004", "succeeded", 80, "sent", None, 90),
    (5, 4, 1, "OLD0000005", "succeeded", 81, "refused", None, None),
    (6, 5, 1, "OLD0000006", "prepaid", None, None, None, 99),
)


@pytest.fixture(params=["sqlite", "mariadb"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'old.db'}"
        return
    with mariadb(tmp_path / "mariadb") as server:
        yield server.url()


def _fill(engine: Engine) -> None:
    columns = "id, order_id, attempt, out_trade_no, status, succeeded_at, refund_status, refunded_at, check_at"
    with engine.begin() as c:
        for row in ROWS:
            values = {f"p{n}": value for n, value in enumerate(row)}
            marks = ", ".join(f":p{n}" for n in range(len(row)))
            c.execute(
                text(
                    f"INSERT INTO payments_payment({columns}, user_id, channel, gateway, amount_fen, created_at,"
                    f" expires_at, checks) VALUES ({marks}, 7, 'wechat_native', 'primary', 12800, 10, 900, 0)"
                ),
                values,
            )


def test_an_old_database_migrates_without_loss(url: str) -> None:
    upgrade(url, "0003")
    engine = sync_engine(url)
    _fill(engine)
    upgrade(url)
    with engine.connect() as c:
        winners = [tuple(r) for r in c.execute(text("SELECT order_id, payment_id FROM payments_bill ORDER BY 1"))]
        backs = [
            tuple(r)
            for r in c.execute(
                text("SELECT payment_id, out_refund_no, amount_fen, status, check_at FROM payments_refund ORDER BY 1")
            )
        ]
        money = [
            tuple(r)
            for r in c.execute(
                text(
                    "SELECT id, status, reserved_fen, refunded_fen, refunds, check_at FROM payments_payment ORDER BY 1"
                )
            )
        ]
    engine.dispose()
    assert winners == [(1, 2), (2, 3), (3, 4), (4, 5)]
    assert backs == [
        (3, "ROLD0000003", 12800, "done", None),
        (4, "ROLD0000004", 12800, "sent", 90),
        (5, "ROLD0000005", 12800, "refused", None),
    ]
    assert money == [
        (1, "failed", 0, 0, 0, None),
        (2, "succeeded", 0, 0, 0, None),
        (3, "refunded", 12800, 12800, 1, None),
        (4, "succeeded", 12800, 0, 1, None),
        (5, "succeeded", 0, 0, 1, None),
        (6, "prepaid", 0, 0, 0, 99),
    ]
