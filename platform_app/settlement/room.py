"""What the endpoints and loops of settlement share, and the ticks of the loops."""

from __future__ import annotations

import time
from collections.abc import Sequence

from sqlalchemy import select

from platform_app.kit.config import PlatformConfig, Settlement
from platform_app.kit.log import Log
from platform_app.kit.service import Service
from platform_app.kit.times import SHANGHAI, day_of
from platform_app.settlement import inbox
from platform_app.settlement.channel import Bills
from platform_app.settlement.check import prove
from platform_app.settlement.facts import Fact
from platform_app.settlement.figures import Figures
from platform_app.settlement.inbox import Taken
from platform_app.settlement.rates import Rates
from platform_app.settlement.reconciling import reconcile
from platform_app.settlement.tables import run
from platform_app.settlement.wechat import WeChat
from platform_app.settlement.withdrawals import Payouts

log = Log("settlement")
DAY = 86_400
AGAIN_SECONDS = 1_800


def sources(config: PlatformConfig) -> Sequence[Bills]:
    """Every channel whose bills are reconciled."""
    return (WeChat(config),)


class Room:
    """Rates, figures and what the loops do."""

    def __init__(self, service: Service, now: int) -> None:
        self._service = service
        self._started = now
        self.rates = Rates(service.client)
        self.figures = Figures(service.metrics, [source.channel for source in sources(service.config)])

    @property
    def rules(self) -> Settlement:
        return self._service.config.settlement

    async def take(self, fact: Fact, now: int) -> Taken:
        """Takes a neighbour's event, counted."""
        taken = await inbox.take(self._service.db, fact, hold_seconds(self.rules), now)
        self.figures.posted(taken.journals)
        return taken

    async def release(self, now: int) -> int:
        """Earnings whose time is over become available; how many orders."""
        async with self._service.db.read() as c:
            due = await inbox.due(c, now)
        done = [order_id for order_id in due if await inbox.release(self._service.db, order_id, now)]
        self.figures.posted(["earning.released"] * len(done))
        return len(done)

    async def retry(self, now: int) -> None:
        """What waits is tried again: what it waits for may have come about another order."""
        async with self._service.db.read() as c:
            orders = await inbox.waiting_orders(c)
        for order_id in orders:
            self.figures.posted(await inbox.retry(self._service.db, order_id, hold_seconds(self.rules), now))

    async def pay_out(self, now: int) -> None:
        """Approved withdrawals go to the channel."""
        ended = await Payouts(self._service.db, WeChat(self._service.config)).tick(now)
        kinds = {"paid": "withdrawal.paid", "failed": "withdrawal.returned"}
        self.figures.posted(kinds[state] for state in ended if state in kinds)

    async def nightly(self, now: int) -> None:
        """Yesterday is reconciled once its bill is there; a bill that could not be had is asked for again."""
        if time_of_day(now) < self.rules.reconcile_hour * 3600:
            return
        day = day_of(now - DAY)
        for source in sources(self._service.config):
            async with self._service.db.read() as c:
                query = select(run.c.outcome, run.c.at).where(run.c.channel == source.channel, run.c.day == day)
                last = (await c.execute(query)).first()
            if last is None or (last.outcome == "unfetched" and now - last.at >= AGAIN_SECONDS):
                await reconcile(self._service.db, source, day, now)

    async def refresh(self, now: int) -> None:
        async with self._service.db.read() as c:
            await self.figures.refresh(c, self._started, now)

    async def prove(self) -> None:
        """The whole proof of the books."""
        started = time.perf_counter()
        async with self._service.db.read() as c:
            proof = await prove(c)
        self.figures.proved(proof)
        if not proof.right:
            log.error("books.wrong", **proof.shown())
        log.info("books.proved", entries=proof.entries, seconds=round(time.perf_counter() - started, 3))


def hold_seconds(rules: Settlement) -> int:
    """From completion until earnings may be withdrawn."""
    return int(rules.hold_days * DAY)


def time_of_day(at: int) -> int:
    """Seconds since midnight in Shanghai, which is a whole number of hours from UTC."""
    offset = SHANGHAI.utcoffset(None)
    return (at + int(offset.total_seconds())) % DAY
