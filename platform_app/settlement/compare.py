"""A channel's bill against our books of the same day: pure. Every line of either side ends matched or as a difference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from platform_app.settlement.bills import Bill, BillLine, Subject

DifferenceKind = Literal["missing_here", "missing_there", "amount", "state", "twice", "unfetched"]
Key = tuple[Subject, str]

ADVICE: Mapping[str, str] = {
    "missing_here": "渠道有、我们没有:按单号查询支付渠道并补记;确为异常收款的,发起退款",
    "missing_there": "我们有、渠道没有:查询渠道该单状态;未成交的冲正入账,次日到账的等下一日账单",
    "amount": "金额不一致:核对订单与渠道原始凭证,按差额补记、退款或冲正",
    "state": "状态不一致:渠道尚未完成,等待或催办;渠道已失败的冲正后重新发起",
    "twice": "渠道账单中重复:与渠道核对是否重复收付,重复的申请退回",
    "unfetched": "账单取不到:重新下载;仍失败时到商户平台手工下载后重跑对账",
}
"""How each kind is settled."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What we hold to have moved. `at` in epoch seconds, money in fen."""

    id: int
    subject: Subject
    ref: str
    amount_fen: int
    at: int


@dataclass(frozen=True, slots=True)
class Difference:
    """What does not agree, in fen on both sides; `detail` for people."""

    kind: DifferenceKind
    subject: Subject | Literal["bill"]
    ref: str
    ours_fen: int
    theirs_fen: int
    detail: str

    @property
    def key(self) -> tuple[str, str, str]:
        return self.kind, self.subject, self.ref


@dataclass(frozen=True, slots=True)
class Comparison:
    """`matched`: ids of ours that the bill shows, whatever it says about them."""

    matched: frozenset[int]
    agreed: int
    differences: tuple[Difference, ...]


def compare(bill: Bill, named: Iterable[Moved], of_day: Iterable[Moved]) -> Comparison:
    """`named`: ours that the bill names, of any day; `of_day`: ours of the day that no other day's bill shows."""
    ours: dict[Key, Moved] = {(m.subject, m.ref): m for m in named}
    lines: dict[Key, list[BillLine]] = {}
    for line in bill.lines:
        lines.setdefault((line.subject, line.ref), []).append(line)
    differences: list[Difference] = []
    for key, found in lines.items():
        differences += _of_key(ours.get(key), found)
    wrong = {(d.subject, d.ref) for d in differences}
    absent = [m for m in of_day if (m.subject, m.ref) not in lines]
    differences += [_missing_there(m) for m in absent]
    matched = frozenset(ours[key].id for key in lines if key in ours)
    agreed = sum(1 for key in lines if key in ours and key not in wrong)
    return Comparison(matched, agreed, tuple(sorted(differences, key=lambda d: d.key)))


def _of_key(mine: Moved | None, lines: Sequence[BillLine]) -> list[Difference]:
    first, found = lines[0], []
    moved = sum(line.amount_fen for line in lines if line.done)
    ours = mine.amount_fen if mine else 0
    if len(lines) > 1:
        text = f"账单中出现 {len(lines)} 次"
        found.append(Difference("twice", first.subject, first.ref, ours, moved, text))
    if mine is None:
        if first.done:
            text = f"渠道记为 {first.state},我们没有这笔"
            found.append(Difference("missing_here", first.subject, first.ref, 0, first.amount_fen, text))
        return found
    if not first.done:
        text = f"渠道状态 {first.state},我们记为已完成"
        found.append(Difference("state", first.subject, first.ref, ours, 0, text))
    odd = next((line for line in lines if line.amount_fen != ours), None)
    if odd is not None:
        text = f"渠道 {odd.amount_fen} 分,我们 {ours} 分"
        found.append(Difference("amount", first.subject, first.ref, ours, odd.amount_fen, text))
    return found


def _missing_there(mine: Moved) -> Difference:
    return Difference("missing_there", mine.subject, mine.ref, mine.amount_fen, 0, "渠道账单没有这笔")


def counted(differences: Iterable[Difference]) -> dict[str, int]:
    """How many of each kind."""
    return dict(sorted(Counter(d.kind for d in differences).items()))
