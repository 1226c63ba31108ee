"""Who may cancel what, and when: pure rules."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from platform_app.kit.auth import Principal
from platform_app.kit.config import Orders
from platform_app.kit.problem import Problem

PAID = ("paid", "accepted")


def verb_for(row: Row[Any], who: Principal, rules: Orders, now: int) -> tuple[str, str]:
    """The transition and the reason of a cancellation. Raises Problem 409 when it is too late or makes no sense."""
    by = "customer" if row.user_id == who.user_id else who.role
    if row.status == "held":
        return "cancel", f"by_{by}"
    if row.status not in PAID:
        raise Problem(409, "wrong_status", f"订单当前状态({row.status})不能取消", order_status=row.status)
    if by == "customer" and now > row.starts_at - rules.free_cancel_hours * 3600:
        raise Problem(409, "too_late_to_cancel", f"开始前 {rules.free_cancel_hours:g} 小时内不能取消")
    return "cancel_paid", f"by_{by}"
