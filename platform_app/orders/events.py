"""What orders tells its neighbours, and what it is told.

To messages (`POST /internal/events`), kind `order.<status>`, payload as `described` gives it:
`order.held order.paid order.accepted order.completed order.cancelled order.expired order.refunding order.refunded`.
To providers and settlement (`POST /internal/events`): `order.completed`.
To payments (`POST /internal/refunds`): `order.refund_requested` {order_id, out_trade_no, amount_fen, reason}.
From payments (`POST /internal/payments`), each with payload {order_id, out_trade_no, amount_fen}:
`payment.succeeded`, `payment.failed`, `payment.refunded`.
"""

from __future__ import annotations

from typing import Any

SUCCEEDED = "payment.succeeded"
REFUNDED = "payment.refunded"
REFUND_REQUESTED = "order.refund_requested"

RELAY_PATHS = {
    "messages": "/internal/events",
    "providers": "/internal/events",
    "payments": "/internal/refunds",
    "settlement": "/internal/events",
}
"""Where each neighbour takes events."""


def kind_of(status: str) -> str:
    """The event that an order has come to `status`."""
    return f"order.{status}"


def targets_of(status: str) -> tuple[str, ...]:
    """Which neighbours want to know that an order has come to `status`."""
    return ("messages", "providers", "settlement") if status == "completed" else ("messages",)


def described(row: Any, status: str, reason: str = "") -> dict[str, Any]:
    """An order as its events carry it: ids, people, what, when, how much; `row` has the columns of orders_order."""
    return {
        "order_id": row.id,
        "order_no": row.no,
        "status": status,
        "user_id": row.user_id,
        "provider_id": row.provider_id,
        "provider_user_id": row.provider_user_id,
        "provider_name": row.provider_name,
        "service_id": row.service_id,
        "service_name": row.service_name,
        "amount_fen": row.amount_fen,
        "starts_at": row.starts_at,
        "hold_until": row.hold_until,
        "reason": reason,
    }
