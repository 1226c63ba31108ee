"""The figures of settlement."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.metrics import Metrics
from platform_app.settlement.accounts import KINDS
from platform_app.settlement.check import Proof
from platform_app.settlement.rules import RULES
from platform_app.settlement.tables import account, difference, event, run, withdrawal

DIFFERENCES = ("missing_here", "missing_there", "amount", "state", "twice", "unfetched")


class Figures:
    """The books as metrics: counted when posted, the rest read from the database by `refresh`."""

    def __init__(self, metrics: Metrics, channels: Iterable[str]) -> None:
        self._channels = tuple(channels)
        gauge = metrics.gauge
        self.journals = metrics.counter("platform_settlement_journals_total", "Journals posted.", ("kind",))
        self.difference = gauge(
            "booking_settlement_difference_fen", "Open differences to the channel's bills, in fen.", ("channel",)
        )
        self.imbalance = gauge(
            "platform_settlement_imbalance_fen", "Sum of all debits and credits: 0, or the books are wrong."
        )
        self.wrong = gauge("platform_settlement_books_wrong", "Faults that the last proof of the books found.")
        self.balance = gauge("platform_settlement_balance_fen", "Balances by kind of account, in fen.", ("kind",))
        self.reconciled = gauge(
            "platform_settlement_reconciled_timestamp_seconds", "When a bill was last compared.", ("channel",)
        )
        self.open = gauge("platform_settlement_differences_open", "Differences not settled.", ("channel", "kind"))
        self.oldest = gauge(
            "platform_settlement_difference_oldest_seconds", "Age of the oldest open difference.", ("channel",)
        )
        self.waiting = gauge("platform_settlement_events_waiting", "Events that wait for one before them.")
        self.withdrawals = gauge("platform_settlement_withdrawals", "Withdrawals that are not over.", ("state",))
        for kind in (*RULES, "correction"):
            self.journals.labels(kind)

    def posted(self, kinds: Iterable[str]) -> None:
        for kind in kinds:
            self.journals.labels(kind).inc()

    def proved(self, proof: Proof) -> None:
        """What the last whole proof found."""
        faults = (proof.journals_unbalanced, proof.balances_wrong, proof.running_wrong, proof.below_zero)
        self.wrong.set(sum(faults) + (proof.held_wrong_fen != 0))
        self.imbalance.set(proof.imbalance_fen)

    async def refresh(self, c: AsyncConnection, started: int, now: int) -> None:
        """Reads the gauges. A channel that was never reconciled counts from the service's start."""
        await self._balances(c)
        await self._differences(c, now)
        last = select(run.c.channel, func.max(run.c.at)).where(run.c.outcome != "unfetched").group_by(run.c.channel)
        found = {row[0]: row[1] for row in (await c.execute(last)).all()}
        for channel in self._channels:
            self.reconciled.labels(channel).set(found.get(channel, started))
        count = select(func.count()).select_from(event).where(event.c.state == "waiting")
        self.waiting.set((await c.execute(count)).scalar_one())
        states = select(withdrawal.c.state, func.count()).group_by(withdrawal.c.state)
        held = {row[0]: row[1] for row in (await c.execute(states)).all()}
        for state in ("requested", "approved", "sent"):
            self.withdrawals.labels(state).set(held.get(state, 0))

    async def _balances(self, c: AsyncConnection) -> None:
        query = select(account.c.kind, func.sum(account.c.balance_fen)).group_by(account.c.kind)
        found = {kind: int(total) for kind, total in (await c.execute(query)).all()}
        for name in KINDS:
            self.balance.labels(name).set(found.get(name, 0))
        self.imbalance.set(sum(KINDS[name].side * total for name, total in found.items()))

    async def _differences(self, c: AsyncConnection, now: int) -> None:
        gap = difference.c.theirs_fen - difference.c.ours_fen
        query = (
            select(
                difference.c.channel,
                difference.c.kind,
                func.count().label("number"),
                func.sum(case((gap < 0, -gap), else_=gap)).label("fen"),
                func.min(difference.c.found_at).label("first"),
            )
            .where(difference.c.state == "open")
            .group_by(difference.c.channel, difference.c.kind)
        )
        rows = (await c.execute(query)).all()
        for channel in {*self._channels, *(row.channel for row in rows)}:
            mine = {row.kind: row for row in rows if row.channel == channel}
            for kind in DIFFERENCES:
                self.open.labels(channel, kind).set(mine[kind].number if kind in mine else 0)
            self.difference.labels(channel).set(sum(int(row.fen) for row in mine.values()))
            self.oldest.labels(channel).set(now - min((row.first for row in mine.values()), default=now))
