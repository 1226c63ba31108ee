"""What people are told, by event: pure functions of the event's payload. zh-CN."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from platform_app.kit.times import local

Payload = Mapping[str, Any]


@dataclass(frozen=True)
class Draft:
    """A message to one person."""

    user_id: int
    title: str
    body: str


def drafts(kind: str, payload: Payload) -> tuple[Draft, ...]:
    """The messages that an event calls for; none for a kind that concerns nobody.

    Raises KeyError when the payload lacks what the text needs.
    """
    render = TEMPLATES.get(kind)
    return () if render is None else render(payload)


def yuan(fen: int) -> str:
    """Fen as people read money, e.g. ¥128.50."""
    return f"¥{fen // 100:,}.{fen % 100:02d}"


def _held(p: Payload) -> tuple[Draft, ...]:
    text = f"已为您保留{_when(p)}的{p['service_name']}，请在{local(p['hold_until'], '%H:%M')}前支付{yuan(p['amount_fen'])}。"
    return (_customer(p, "待支付", text),)


def _paid(p: Payload) -> tuple[Draft, ...]:
    return (
        _customer(
            p, "预约成功", f"已收到{yuan(p['amount_fen'])}，{p['provider_name']}将于{_when(p)}上门{p['service_name']}。"
        ),
        _provider(p, "新订单", f"您有新订单：{_when(p)}，{p['service_name']}，请尽快接单。"),
    )


def _accepted(p: Payload) -> tuple[Draft, ...]:
    return (_customer(p, "已接单", f"{p['provider_name']}已接单，{_when(p)}准时上门{p['service_name']}。"),)


def _completed(p: Payload) -> tuple[Draft, ...]:
    return (_customer(p, "服务完成", f"{p['service_name']}已完成，感谢使用，欢迎评价{p['provider_name']}的服务。"),)


def _cancelled(p: Payload) -> tuple[Draft, ...]:
    return (_customer(p, "订单已取消", f"{_when(p)}的{p['service_name']}已取消。"),)


def _expired(p: Payload) -> tuple[Draft, ...]:
    return (_customer(p, "订单已超时", f"{_when(p)}的{p['service_name']}因超时未支付已释放，欢迎重新预约。"),)


def _refunding(p: Payload) -> tuple[Draft, ...]:
    return (
        _customer(p, "退款处理中", f"订单已取消，{yuan(p['amount_fen'])}正在原路退回。"),
        _provider(p, "订单取消", f"{_when(p)}的{p['service_name']}已取消，时段已释放。"),
    )


def _refunded(p: Payload) -> tuple[Draft, ...]:
    return (_customer(p, "退款成功", f"{yuan(p['amount_fen'])}已原路退回，请注意查收。"),)


def _customer(p: Payload, title: str, text: str) -> Draft:
    return Draft(int(p["user_id"]), title, f"{text}（订单 {p['order_no']}）")


def _provider(p: Payload, title: str, text: str) -> Draft:
    return Draft(int(p["provider_user_id"]), title, f"{text}（订单 {p['order_no']}）")


def _when(p: Payload) -> str:
    return local(p["starts_at"])


TEMPLATES: Mapping[str, Callable[[Payload], tuple[Draft, ...]]] = {
    "order.held": _held,
    "order.paid": _paid,
    "order.accepted": _accepted,
    "order.completed": _completed,
    "order.cancelled": _cancelled,
    "order.expired": _expired,
    "order.refunding": _refunding,
    "order.refunded": _refunded,
}
