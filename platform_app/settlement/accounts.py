"""The chart of accounts: what kinds there are, on which side each grows, which may not fall below zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Side = Literal[1, -1]


@dataclass(frozen=True, slots=True)
class Kind:
    """`side`: +1 grows by debits (assets, costs), -1 by credits (debts, income). `owner`: what tells them apart."""

    name: str
    title: str
    side: Side
    guarded: bool
    owner: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Account:
    """One account: a kind, and whose (a channel, a provider's or a user's number, or '')."""

    kind: str
    owner: str = ""


KINDS = {
    kind.name: kind
    for kind in (
        Kind("channel_cash", "渠道资金", 1, False, "channel"),
        Kind("customer_funds", "顾客预付", -1, True),
        Kind("wallet", "钱包余额", -1, True, "user"),
        Kind("commission", "平台佣金收入", -1, False),
        Kind("coupon_cost", "优惠券成本", 1, False),
        Kind("channel_fee", "渠道手续费", 1, False, "channel"),
        Kind("provider_pending", "服务者待结算", -1, True, "provider"),
        Kind("provider_available", "服务者可提现", -1, True, "provider"),
        Kind("provider_frozen", "服务者冻结", -1, True, "provider"),
        Kind("provider_debt", "服务者欠款", 1, True, "provider"),
        Kind("withdrawal_transit", "提现在途", -1, True, "provider"),
        Kind("suspense", "待查", 1, False),
    )
}
"""`channel_cash` may be below zero for a while: what is paid out by one channel may have come in by another."""
