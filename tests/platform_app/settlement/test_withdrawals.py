"""Withdrawals: never more than there is, once each, given back when the channel fails."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from platform_app.kit.config import Settlement
from platform_app.kit.db import Db
from platform_app.kit.problem import Problem
from platform_app.settlement import inbox, views, withdrawals
from platform_app.settlement.channel import ChannelRefused, ChannelSilent, Transfer
from platform_app.settlement.withdrawals import Payouts
from tests.platform_app.settlement.books import HOLD, NOW, completed, holds, paid, proof, take
from tests.platform_app.settlement.town import NOW as TODAY
from tests.platform_app.settlement.town import Town

RULES = Settlement(min_withdrawal_fen=100, max_withdrawal_fen=100_000)


async def earn(db: Db, order: int = 1, fen: int = 10_000) -> None:
    """Provider 7 has `fen` available."""
    await take(db, paid(order, fen), completed(order, fen, rate=0))
    await inbox.release(db, order, NOW + HOLD)


async def ask(db: Db, fen: int, key: str = "key-0001", openid: str = "openid-7") -> Any:
    row, _ = await withdrawals.request(db, 7, fen, openid, key, RULES, NOW)
    return row


async def state(db: Db, number: int) -> str:
    async with db.read() as c:
        rows = await views.withdrawals(c, None, "", None, 100)
    return next(str(row.state) for row in rows if row.id == number)


class Fake:
    """A channel with a book of its own; `answers` are played first, one a call."""

    channel = "wechat"

    def __init__(self, *answers: Transfer | Exception) -> None:
        self.answers = list(answers)
        self.sent: dict[str, int] = {}
        self.calls: list[str] = []

    def send(self, no: str, openid: str, amount_fen: int) -> Transfer:
        self.calls.append("send")
        self._play()
        self.sent[no] = amount_fen
        return Transfer(no, "open", amount_fen)

    def ask(self, no: str) -> Transfer:
        self.calls.append("ask")
        self._play()
        if no not in self.sent:
            raise ChannelRefused("NOT_FOUND")
        return Transfer(no, "paid", self.sent[no])

    def _play(self) -> None:
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer


async def test_fifty_at_once_take_exactly_what_is_there(db: Db) -> None:
    await earn(db, fen=10_000)

    async def one(number: int) -> int:
        try:
            await ask(db, 700, f"key-{number:04d}")
        except Problem as problem:
            refused.add(problem.code)
            return 0
        return 700

    refused: set[str] = set()
    taken = await asyncio.gather(*(one(n) for n in range(50)))
    assert (sum(taken), refused) == (9_800, {"not_enough"})
    assert await holds(db, "provider_available", "7") == 200
    assert await holds(db, "withdrawal_transit", "7") == 9_800
    assert (await proof(db)).right


async def test_a_repeated_key_is_the_same_withdrawal(db: Db) -> None:
    await earn(db)
    rows = await asyncio.gather(*(ask(db, 3_000) for _ in range(10)))
    assert len({row.no for row in rows}) == 1
    assert await holds(db, "provider_available", "7") == 7_000
    with pytest.raises(Problem) as other:
        await ask(db, 3_001)
    assert other.value.code == "key_reused"
    for fen in (99, 100_001):
        with pytest.raises(Problem) as refused:
            await ask(db, fen, "key-0002")
        assert refused.value.code == "amount_out_of_range"


async def test_a_rejected_withdrawal_is_available_again(db: Db) -> None:
    await earn(db)
    row = await ask(db, 4_000)
    done = await withdrawals.decide(db, row.id, 99, False, "资料不全", NOW)
    assert (done.state, done.failure, done.decided_by) == ("rejected", "资料不全", 99)
    assert await holds(db, "provider_available", "7") == 10_000
    with pytest.raises(Problem) as late:
        await withdrawals.decide(db, row.id, 99, True, "", NOW)
    assert late.value.code == "wrong_status"
    with pytest.raises(Problem) as absent:
        await withdrawals.decide(db, 10**9, 99, True, "", NOW)
    assert absent.value.status == 404


async def test_what_may_have_been_sent_is_asked_about_not_sent_again(db: Db) -> None:
    await earn(db)
    row = await ask(db, 4_000)
    channel = Fake()
    payouts = Payouts(db, channel)
    assert await payouts.tick(NOW) == []
    await withdrawals.decide(db, row.id, 99, True, "", NOW)
    assert await payouts.tick(NOW) == ["sent"]
    assert await payouts.tick(NOW + 100) == ["paid"]
    assert channel.calls == ["send", "ask"]
    assert await payouts.tick(NOW + 10_000) == []
    assert (await holds(db, "withdrawal_transit", "7"), await holds(db, "channel_cash", "wechat")) == (0, 6_000)


async def test_silence_and_odd_refusals_never_give_money_back_that_may_be_gone(db: Db) -> None:
    await earn(db)
    row = await ask(db, 4_000)
    await withdrawals.decide(db, row.id, 99, True, "", NOW)
    channel = Fake(ChannelSilent("timeout"), ChannelRefused("SIGN_ERROR"))
    payouts = Payouts(db, channel)
    assert [await payouts.tick(NOW + n * 1_000) for n in range(3)] == [["sent"]] * 3
    assert await holds(db, "withdrawal_transit", "7") == 4_000
    assert channel.calls == ["send", "ask", "ask", "send"]  # NOT_FOUND: they never got it
    assert await payouts.tick(NOW + 9_000) == ["paid"]
    assert (await proof(db)).right


async def test_a_refused_transfer_is_available_again_and_an_empty_purse_waits(db: Db) -> None:
    await earn(db)
    row = await ask(db, 4_000)
    await withdrawals.decide(db, row.id, 99, True, "", NOW)
    payouts = Payouts(db, Fake(ChannelRefused("NOT_ENOUGH"), ChannelRefused("NOT_FOUND"), ChannelRefused("NO_AUTH")))
    assert await payouts.tick(NOW) == ["sent"]
    assert await payouts.tick(NOW + 1_000) == ["failed"]
    assert await holds(db, "provider_available", "7") == 10_000
    assert await state(db, row.id) == "failed"


@pytest.mark.parametrize(("fails", "ends", "left"), [(False, "paid", 6_000), (True, "failed", 10_000)])
async def test_the_real_sdk_transfers_through_the_sandbox(town: Town, fails: bool, ends: str, left: int) -> None:
    await earn(town.db)
    row = await ask(town.db, 4_000)
    await withdrawals.decide(town.db, row.id, 99, True, "", TODAY)
    if fails:
        await town.fault("wechat_transfers_fail")
    payouts = Payouts(town.db, town.wechat)
    assert await payouts.tick(TODAY) == ["sent"]
    await asyncio.sleep(0.6)
    assert await payouts.tick(TODAY + 100) == [ends]
    told = (await town.admin("GET", "/api/transfers"))["transfers"]
    shown = [(t["out_bill_no"], t["transfer_amount"], t["openid"]) for t in told]
    assert shown == [(row.no, 4_000, "openid-7")]
    assert await holds(town.db, "provider_available", "7") == left
    assert (await proof(town.db)).right
