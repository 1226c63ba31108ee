"""Random lives of orders and withdrawals, events repeated, early, at the same time: money is conserved.

`python -m pytest tests/platform_app/settlement/test_machine.py -s --rounds 200 --seed 7`: rounds of 60 steps each.
"""

from __future__ import annotations

import asyncio
import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from platform_app.kit.config import Settlement
from platform_app.kit.db import Db
from platform_app.kit.problem import Problem
from platform_app.settlement import inbox, views, withdrawals
from platform_app.settlement.channel import ChannelRefused, ChannelSilent, Transfer
from platform_app.settlement.facts import Fact
from platform_app.settlement.tables import movement
from platform_app.settlement.withdrawals import Payouts
from tests.platform_app.settlement.books import (
    HOLD,
    NOW,
    completed,
    disputed,
    holds,
    paid,
    proof,
    refunded,
    resolved,
    sheet,
)

RULES = Settlement(min_withdrawal_fen=1, max_withdrawal_fen=10**9)
ORDERS = st.integers(1, 6)
STEPS = 60
LEAST = 9


@dataclass
class Channel:
    """A channel that is silent, refuses, fails or pays by chance, and keeps its own book of what it paid."""

    chance: random.Random
    channel: str = "wechat"
    taken: dict[str, int] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)

    def send(self, no: str, openid: str, amount_fen: int) -> Transfer:
        mood = self.chance.random()
        if mood < 0.1 and no not in self.taken:
            raise ChannelRefused("NO_AUTH")
        self.taken[no] = amount_fen
        if mood < 0.3:
            raise ChannelSilent("timeout")
        return Transfer(no, "open", amount_fen)

    def ask(self, no: str) -> Transfer:
        if no not in self.taken:
            raise ChannelRefused("NOT_FOUND")
        if self.chance.random() < 0.2:
            raise ChannelSilent("timeout")
        state = self.ended.setdefault(no, "paid" if self.chance.random() < 0.7 else "failed")
        return Transfer(no, "paid" if state == "paid" else "failed", self.taken[no])

    @property
    def paid_fen(self) -> int:
        return sum(self.taken[no] for no, state in self.ended.items() if state == "paid")


class Books(RuleBasedStateMachine):
    """`template` is an empty database's file; `folder` takes one a round."""

    template: Path
    folder: Path
    count = 0

    def __init__(self) -> None:
        super().__init__()
        Books.count += 1
        file = self.folder / f"{Books.count}.db"
        shutil.copy(self.template, file)
        self.file = file
        self.loop = asyncio.Runner()
        self.db = self.loop.run(self._open())
        self.channel = Channel(random.Random(Books.count))
        self.given: list[Fact] = []
        self.keys = 0
        self.now = NOW

    async def _open(self) -> Db:
        return Db(f"sqlite:///{self.file}")

    def _take(self, *facts: Fact) -> None:
        async def all_of() -> None:
            await asyncio.gather(*(inbox.take(self.db, fact, HOLD, self.now) for fact in facts))

        self.given += facts
        self.loop.run(all_of())

    @rule(order=ORDERS, trade=st.integers(1, 2), fen=st.integers(1, 20_000))
    def pay(self, order: int, trade: int, fen: int) -> None:
        self._take(paid(order, fen, f"T{order}-{trade}"))

    @rule(order=ORDERS, trade=st.integers(1, 2), part=st.integers(1, 3), fen=st.integers(1, 15_000))
    def refund(self, order: int, trade: int, part: int, fen: int) -> None:
        self._take(refunded(order, fen, f"T{order}-{trade}", f"R{order}-{trade}-{part}"))

    @rule(order=ORDERS, fen=st.integers(1, 20_000), rate=st.integers(0, 10_000), coupon=st.integers(0, 3_000))
    def complete(self, order: int, fen: int, rate: int, coupon: int) -> None:
        self._take(completed(order, fen, 1 + order % 2, rate, coupon))

    @rule(order=ORDERS, end=st.booleans())
    def dispute(self, order: int, end: bool) -> None:
        self._take(resolved(order) if end else disputed(order))

    @rule(order=ORDERS, fen=st.integers(1, 20_000))
    def all_at_once(self, order: int, fen: int) -> None:
        number = f"T{order}-1"
        life = [refunded(order, fen, number, f"R{order}-1-1"), completed(order, fen, 1 + order % 2), disputed(order)]
        self._take(*life, paid(order, fen, number), *life)

    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        if self.given:
            self._take(*data.draw(st.lists(st.sampled_from(self.given), min_size=1, max_size=4)))

    @rule(days=st.integers(0, 9))
    def release(self, days: int) -> None:
        self.now += days * 86_400

        async def all_due() -> None:
            async with self.db.read() as c:
                due = await inbox.due(c, self.now)
            await asyncio.gather(*(inbox.release(self.db, order, self.now) for order in due for _ in (1, 2)))

        self.loop.run(all_due())

    @rule(provider=st.integers(1, 2), wishes=st.lists(st.integers(1, 9_000), min_size=1, max_size=6))
    def withdraw(self, provider: int, wishes: list[int]) -> None:
        async def ask(fen: int, key: str) -> int:
            try:
                await withdrawals.request(self.db, provider, fen, "openid", key, RULES, self.now)
            except Problem as problem:
                if problem.code != "not_enough":
                    raise
                return 0
            return fen

        async def all_of() -> None:
            before = await holds(self.db, "provider_available", str(provider))
            keys = [f"key-{self.keys + n}" for n in range(len(wishes))]
            taken = await asyncio.gather(*(ask(fen, key) for fen, key in zip(wishes, keys, strict=True)))
            self.keys += len(wishes)
            assert await holds(self.db, "provider_available", str(provider)) == before - sum(taken)

        self.loop.run(all_of())

    @rule(yes=st.booleans())
    def decide(self, yes: bool) -> None:
        async def all_open() -> None:
            for number in await self._requested():
                await withdrawals.decide(self.db, number, 99, yes, "no", self.now)

        self.loop.run(all_open())

    async def _requested(self) -> list[int]:
        async with self.db.read() as c:
            return [row.id for row in await views.withdrawals(c, None, "requested", None, 100)]

    @rule()
    def pay_out(self) -> None:
        self.now += 1_000
        self.loop.run(Payouts(self.db, self.channel).tick(self.now))

    @invariant()
    def the_books_are_right(self) -> None:
        found = self.loop.run(proof(self.db))
        assert found.right, found

    @invariant()
    def money_is_conserved(self) -> None:
        """What the channel has is what customers paid less refunds, payouts; and somebody owns every fen."""
        kinds: dict[str, int] = {}
        for name, fen in self.loop.run(sheet(self.db)).items():
            kind = name.partition("/")[0]
            kinds[kind] = kinds.get(kind, 0) + fen
        moved = self.loop.run(self._moved())
        booked = kinds.get("channel_cash", 0)
        assert booked == moved - self.loop.run(self._paid_out())
        owned = ("customer_funds", "commission", "provider_pending", "provider_available", "provider_frozen")
        debts = sum(kinds.get(kind, 0) for kind in (*owned, "withdrawal_transit"))
        assert booked + kinds.get("coupon_cost", 0) + kinds.get("provider_debt", 0) == debts

    async def _moved(self) -> int:
        async with self.db.read() as c:
            rows = (await c.execute(select(movement.c.subject, movement.c.amount_fen))).all()
        return sum(fen if subject == "paid" else -fen for subject, fen in rows)

    async def _paid_out(self) -> int:
        async with self.db.read() as c:
            rows = await views.withdrawals(c, None, "paid", None, 1_000)
        told = sum(row.amount_fen for row in rows)
        assert told <= self.channel.paid_fen
        return told

    def teardown(self) -> None:
        self.loop.run(self.db.close())
        self.loop.run(asyncio.sleep(0.01))  # aiosqlite's threads end after they have answered
        self.loop.close()
        self.file.unlink()


def _run(sqlite_template: Path, tmp_path: Path, seed: int, rounds: int) -> None:
    print(f"seed {seed}, {rounds} rounds of {STEPS} steps")
    Books.template, Books.folder = sqlite_template, tmp_path
    checked = settings(
        max_examples=rounds,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seeded(seed)(Books), settings=checked)  # type: ignore[no-untyped-call]


@pytest.mark.campaign
def test_money_is_conserved(sqlite_template: Path, tmp_path: Path, seed: int, rounds: int) -> None:
    _run(sqlite_template, tmp_path, seed, max(rounds, LEAST))
