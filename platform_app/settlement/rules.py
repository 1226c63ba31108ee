"""What each business event books: the one table. `python -m platform_app.settlement.rules` prints it as Markdown.

A line adds the named amount to an account: +1 debits, -1 credits. Amounts come from `earnings` and `withdrawals`;
lines whose amount is zero are left out. `cash` is the channel's money, or the payer's wallet when that paid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from platform_app.settlement.accounts import KINDS, Account


@dataclass(frozen=True, slots=True)
class Line:
    """`account` is a kind of account, or `cash`; `amount` names an amount in fen."""

    account: str
    sign: int
    amount: str


@dataclass(frozen=True, slots=True)
class Rule:
    """What a kind of event books, and why in a word."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """A journal to be posted: entries in fen, debit positive; their sum is zero or `post` refuses it."""

    event_id: str
    kind: str
    subject: str
    entries: tuple[tuple[Account, int], ...]
    reason: str = ""


RULES: Mapping[str, Rule] = {
    "payment.succeeded": Rule("顾客付款", (Line("cash", 1, "paid"), Line("customer_funds", -1, "paid"))),
    "order.completed": Rule(
        "服务完成",
        (
            Line("customer_funds", 1, "price"),
            Line("coupon_cost", 1, "coupon"),
            Line("commission", -1, "commission"),
            Line("provider_pending", -1, "net"),
        ),
    ),
    "earning.released": Rule(
        "到期可提现",
        (
            Line("provider_pending", 1, "net"),
            Line("provider_debt", -1, "repaid"),
            Line("provider_available", -1, "rest"),
        ),
    ),
    "order.disputed": Rule(
        "争议冻结",
        (
            Line("provider_pending", 1, "from_pending"),
            Line("provider_available", 1, "from_available"),
            Line("provider_frozen", -1, "frozen"),
        ),
    ),
    "order.dispute_resolved": Rule(
        "争议解除", (Line("provider_frozen", 1, "frozen"), Line("provider_available", -1, "frozen"))
    ),
    "payment.refunded": Rule(
        "退款",
        (
            Line("customer_funds", 1, "from_held"),
            Line("commission", 1, "commission"),
            Line("coupon_cost", -1, "coupon"),
            Line("provider_frozen", 1, "from_frozen"),
            Line("provider_pending", 1, "from_pending"),
            Line("provider_available", 1, "from_available"),
            Line("provider_debt", 1, "owed"),
            Line("cash", -1, "refunded"),
        ),
    ),
    "wallet.topped_up": Rule("钱包充值", (Line("channel_cash", 1, "paid"), Line("wallet", -1, "paid"))),
    "withdrawal.requested": Rule(
        "申请提现", (Line("provider_available", 1, "amount"), Line("withdrawal_transit", -1, "amount"))
    ),
    "withdrawal.paid": Rule("提现到账", (Line("withdrawal_transit", 1, "amount"), Line("channel_cash", -1, "amount"))),
    "withdrawal.returned": Rule(
        "提现退回", (Line("withdrawal_transit", 1, "amount"), Line("provider_available", -1, "amount"))
    ),
    "channel.fee": Rule("渠道手续费", (Line("channel_fee", 1, "fee"), Line("channel_cash", -1, "fee"))),
}
"""Corrections (`correction`) are journals of free entries with a reason, by an operator."""


def draft(
    event_id: str, kind: str, subject: str, amounts: Mapping[str, int], owners: Mapping[str, str], reason: str = ""
) -> Draft:
    """The journal of an event by its rule. `owners`: channel, provider, user. Pure."""
    lines = ((_account(line.account, owners), line.sign * amounts.get(line.amount, 0)) for line in RULES[kind].lines)
    return Draft(event_id, kind, subject, tuple((who, fen) for who, fen in lines if fen), reason)


def _account(kind: str, owners: Mapping[str, str]) -> Account:
    if kind == "cash":
        kind = "wallet" if owners.get("channel") == "wallet" else "channel_cash"
    named = KINDS[kind].owner
    return Account(kind, owners[named] if named else "")


def drawn() -> str:
    """The chart of accounts and the rules as Markdown tables, for docs/SETTLEMENT.md."""
    chart = [
        f"| `{k.name}` | {k.title} | {'debit' if k.side == 1 else 'credit'} | {'yes' if k.guarded else 'no'} "
        f"| {k.owner or '—'} |"
        for k in KINDS.values()
    ]
    rules = [
        f"| `{kind}` | {rule.title} | {_side(rule, 1)} | {_side(rule, -1)} |" for kind, rule in sorted(RULES.items())
    ]
    return "\n".join(
        (
            "| account | 名称 | grows by | never below 0 | one for each |",
            "|---|---|---|---|---|",
            *chart,
            "",
            "| event | 事件 | debit | credit |",
            "|---|---|---|---|",
            *rules,
        )
    )


def _side(rule: Rule, sign: int) -> str:
    return "<br>".join(f"{line.account}: {line.amount}" for line in rule.lines if line.sign == sign)


if __name__ == "__main__":
    print(drawn())
