"""A random day at the till: attempts over all channels, notifications lost, repeated, forged, stale and out of order,
refunds and wallets by several clients at once. At its end the money here is the money in the channels' own books.

    python -m pytest tests/platform_app/payments/test_machine.py --rounds 50 --seed 7
"""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from platform_app.kit.db import error_kind, metadata, sync_engine
from platform_app.kit.tokens import Principal
from platform_app.payments import wallet
from platform_app.payments.checks import Checks
from platform_app.payments.refund_checks import RefundChecks
from platform_app.payments.tables import bill, entry, payment
from platform_app.sandbox.world import alipay_signing_of, signing_of
from tests.platform_app.payments.test_alipay_notices import notice
from tests.platform_app.payments.town import CUSTOMER, Town, build
from tests.platform_app.sandbox.homes import make_home

OPERATOR = Principal(9, "operator")
CHANNELS = ("wechat_native", "wechat_h5", "alipay_app", "alipay_page")
FAULTS = ("callbacks_lost", "alipay_callbacks_lost", "alipay_callbacks_repeated", "alipay_callbacks_reordered")
GIFT = 60_000
AMOUNT = 2_000


@dataclass
class Day:
    """What happened: the orders, and what each attempt's customer was given."""

    orders: list[int] = field(default_factory=list)
    attempts: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: int = 0


class Till(RuleBasedStateMachine):
    """Each step is done against the running services; hypothesis chooses the steps."""

    url: str
    days = 0
    seen: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.home = Path(tempfile.mkdtemp(prefix="till-"))
        empty(self.url)
        folder = make_home(self.home, database_url=self.url, payments={"timeout_seconds": 2.0})
        self.built = build(folder)
        self.town: Town = self.run(self.built.__aenter__())
        self.day = Day()
        self.run(self.town.credit(CUSTOMER.user_id, GIFT))

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(work, 60))

    def _order(self, which: int) -> int:
        if not self.day.orders or which % 3 == 0:
            self.day.orders.append(self.run(self.town.order(amount_fen=AMOUNT)))
            return self.day.orders[-1]
        return self.day.orders[which % len(self.day.orders)]

    def _attempt(self, which: int) -> dict[str, Any] | None:
        known = list(self.day.attempts.values())
        return known[which % len(known)] if known else None

    @rule(which=st.integers(0, 30), channels=st.lists(st.sampled_from(CHANNELS), min_size=1, max_size=3, unique=True))
    def open(self, which: int, channels: list[str]) -> None:
        order_id = self._order(which)
        self.run(self._open(order_id, channels))

    async def _open(self, order_id: int, channels: list[str]) -> None:
        answers = await asyncio.gather(*(self.town.pay(order_id, channel) for channel in channels))
        for status, body in answers:
            assert status in (200, 409, 503), body
            if status == 200:
                self.day.attempts[body["out_trade_no"]] = body

    @rule(picks=st.lists(st.integers(0, 30), min_size=1, max_size=4))
    def customers_pay(self, picks: list[int]) -> None:
        chosen = [a for a in map(self._attempt, picks) if a is not None]
        self.run(self._pay(chosen))

    async def _pay(self, chosen: list[dict[str, Any]]) -> None:
        await asyncio.gather(*(self._pay_one(each) for each in chosen))

    async def _pay_one(self, attempt: dict[str, Any]) -> None:
        client = attempt["client"] or {}
        if attempt["code_url"]:
            await self.town.scan(attempt["code_url"])
        elif "h5_url" in client:
            await self.town.wechat(h5_url=client["h5_url"])
        elif client:
            await self.town.alipay(client)

    @rule(channels=st.lists(st.sampled_from(CHANNELS), min_size=2, max_size=3, unique=True), late=st.booleans())
    def pays_by_several_channels(self, channels: list[str], late: bool) -> None:
        """One order, paid by all of them at once, or by one after the other has won; the wallet may come third."""
        order_id = self._order(0)
        before = set(self.day.attempts)
        self.run(self._open(order_id, channels))
        opened = [self.day.attempts[number] for number in set(self.day.attempts) - before]
        if late and opened:
            self.run(self._pay_one(opened[0]))
        self.run(_all([*(self._pay_one(each) for each in opened), self.town.pay(order_id, "wallet")]))

    @rule(which=st.integers(0, 30), clients=st.integers(1, 4))
    def wallet_pays(self, which: int, clients: int) -> None:
        orders = [self._order(which + n) for n in range(clients)] + [self._order(which)]
        answers = self.run(_all([self.town.pay(order_id, "wallet") for order_id in orders]))
        assert {status for status, _ in answers} <= {200, 409, 503}, answers

    @rule(amount=st.integers(1, 5_000), verb=st.sampled_from(("freeze", "unfreeze")))
    def freeze(self, amount: int, verb: str) -> None:
        path = f"/payments/wallets/{CUSTOMER.user_id}/{verb}"
        assert self.run(self.town.keyed(path, {"amount_fen": amount}, self._key(), OPERATOR))[0] in (200, 409, 503)

    @rule(amount=st.integers(100, 3_000), channel=st.sampled_from(CHANNELS))
    def top_up(self, amount: int, channel: str) -> None:
        wish = {"amount_fen": amount, "channel": channel}
        status, body = self.run(self.town.keyed("/payments/wallet/top-ups", wish, self._key()))
        assert status in (200, 503), body
        if status == 200:
            self.day.attempts[body["out_trade_no"]] = body

    @rule(which=st.integers(0, 30), amounts=st.lists(st.integers(1, AMOUNT), min_size=1, max_size=4), to=st.booleans())
    def give_back(self, which: int, amounts: list[int], to: bool) -> None:
        attempt = self._attempt(which)
        if attempt is None:
            return
        path, target = f"/payments/{attempt['out_trade_no']}/refunds", "wallet" if to else "channel"
        asked = [self.town.keyed(path, {"amount_fen": a, "target": target}, self._key(), OPERATOR) for a in amounts]
        assert {status for status, _ in self.run(_all(asked))} <= {202, 404, 409, 503}

    @rule(which=st.integers(0, 30))
    def cancel(self, which: int) -> None:
        if self.day.orders:
            order_id = self.day.orders[which % len(self.day.orders)]
            assert self.run(self.town.cancel(order_id)) in (200, 409, 503)

    @rule(which=st.integers(0, 30), how=st.sampled_from(("forged", "stale", "sum")))
    def forge(self, which: int, how: str) -> None:
        attempt = self._attempt(which)
        if attempt is not None:
            self.run(self._forge(attempt, how))

    async def _forge(self, attempt: dict[str, Any], how: str) -> None:
        number, folder = attempt["out_trade_no"], self.town.folder
        if attempt["channel"].startswith("alipay"):
            signing, when = alipay_signing_of(folder.config), {}
            if how == "stale":
                when = {"notify_time": "2020-01-01 00:00:00"}
            given = notice(self.town, number, self._key(), total_amount="0.01", **when)
            signed = (signing.forged() if how == "forged" else signing).notification(given)
            url = folder.config.payments.alipay.notify_url
            async with self.town.http.post(url, data=urlencode(signed)) as answer:
                assert answer.status in (401, 503)
            return
        wechat = signing_of(folder.config)
        resource = {"out_trade_no": number, "trade_state": "SUCCESS", "amount": {"total": 1}}
        body = self.town.notice(resource, self._key())
        headers = wechat.headers(body, time.time() - (4_000 if how == "stale" else 0))
        if how == "forged":
            headers["Wechatpay-Signature"] = headers["Wechatpay-Signature"][::-1]
        assert await self.town.notify(body, headers) in (401, 503)

    @rule(name=st.sampled_from(FAULTS), on=st.booleans())
    def fault(self, name: str, on: bool) -> None:
        url = f"http://{self.town.folder.config.sandbox.admin_listen}/faults/{name}"
        self.run(_done(self.town.http.put(url, json={"on": on})))

    @rule(later=st.integers(1, 60))
    def check(self, later: int) -> None:
        self.run(_ticked(Checks(self.town.payments), int(time.time()) + later))

    def _key(self) -> str:
        self.day.keys += 1
        return f"machine-{self.day.keys:06d}"

    def teardown(self) -> None:
        try:
            self.run(self._settle())
            self.run(self._audit())
            type(self).days += 1
        finally:
            self.run(self.built.__aexit__(None, None, None))
            self.loop.close()
            shutil.rmtree(self.home, ignore_errors=True)

    async def _settle(self) -> None:
        """Until nothing is under way: what the channels did not tell is asked for."""
        admin = f"http://{self.town.folder.config.sandbox.admin_listen}/faults"
        await _done(self.town.http.delete(admin))
        service, now = self.town.payments, int(time.time())
        for round_ in range(40):
            await _ticked(Checks(service), now + 2_000 + 400 * round_)
            await _ticked(RefundChecks(service), now + 2_000 + 400 * round_)
            await asyncio.sleep(0.15)
            async with service.db.read() as c:
                waiting = (await c.execute(select(func.count()).where(payment.c.check_at.is_not(None)))).scalar_one()
                reserved, gone = (
                    await c.execute(select(func.sum(payment.c.reserved_fen), func.sum(payment.c.refunded_fen)))
                ).one()
            if not waiting and reserved == gone and round_ > 8:
                return
        raise AssertionError("something never settled")

    async def _audit(self) -> None:
        async with self.town.payments.db.read() as c:
            rows = (await c.execute(select(payment))).all()
            winners = {r.order_id: r.payment_id for r in (await c.execute(select(bill))).all()}
            sums = dict(
                (await c.execute(select(entry.c.kind, func.sum(entry.c.amount_fen)).group_by(entry.c.kind))).all()
            )
            purse = await wallet.balance(c, CUSTOMER.user_id)
        theirs = self._books()
        to_wallet = 0
        for row in rows:
            assert 0 <= row.refunded_fen == row.reserved_fen <= row.amount_fen
            held = row.status in ("succeeded", "refunded")
            if row.channel == "wallet":
                continue
            paid, gone = theirs.get(row.out_trade_no, (False, 0))
            assert held == paid, (row.out_trade_no, row.status, paid)
            to_wallet += row.refunded_fen - gone
            if held and row.order_id > 0 and winners[row.order_id] != row.id:
                assert row.refunded_fen == row.amount_fen, f"{row.out_trade_no} lost and did not go back"
        spent = -int(sums.get("pay", 0))
        from_wallet = sum(r.refunded_fen for r in rows if r.channel == "wallet")
        filled = sum(r.amount_fen for r in rows if r.order_id < 0 and r.status == "succeeded")
        assert int(sums.get("refund", 0)) == to_wallet + from_wallet
        assert int(sums["top_up"]) == GIFT + filled
        assert purse.balance_fen + purse.frozen_fen == GIFT + filled - spent + to_wallet + from_wallet
        assert min(purse.balance_fen, purse.frozen_fen) >= 0
        assert self.town.recomputed() == []
        self._count(rows, winners)

    def _count(self, rows: Any, winners: dict[int, int]) -> None:
        held = [r for r in rows if r.status in ("succeeded", "refunded")]
        twice = [r for r in held if r.order_id > 0 and winners[r.order_id] != r.id]
        self.seen.update(attempts=len(rows), paid=len(held), twice=len(twice), refunds=sum(r.refunds for r in rows))

    def _books(self) -> dict[str, tuple[bool, int]]:
        """What the channels say of each trade: paid, and how much went back."""
        store = self.town.world.store
        found = {
            r["out_trade_no"]: (bool(r["paid_at"]), r["gone"])
            for name, refunds in (("trade", "refund"), ("ali_trade", "ali_refund"))
            for r in store.rows(
                f"SELECT out_trade_no, paid_at, (SELECT coalesce(sum(amount), 0) FROM {refunds} r"
                f" WHERE r.out_trade_no = t.out_trade_no) AS gone FROM {name} t"
            )
        }
        return found


async def _ticked(loop: Checks | RefundChecks, now: int) -> None:
    """A tick as the service's loop does it: a deadlock's victim is tried again by the next one."""
    try:
        await loop.tick(now)
    except OperationalError as error:
        if error_kind(error) != "locked":
            raise


async def _all(works: list[Any]) -> list[Any]:
    return list(await asyncio.gather(*works))


async def _done(call: Any) -> None:
    async with call as answer:
        await answer.read()


def empty(url: str) -> None:
    """Deletes all rows."""
    engine = sync_engine(url)
    with engine.begin() as c:
        for table in metadata.tables.values():
            c.execute(table.delete())
    engine.dispose()


@pytest.mark.campaign
@pytest.mark.timeout(3600)
def test_money_is_conserved_whatever_happens_at_the_till(
    database_url: str, rounds: int, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A round is a day of 25 steps."""
    monkeypatch.setattr(Till, "url", database_url, raising=False)
    monkeypatch.setattr(Till, "days", 0)
    monkeypatch.setattr(Till, "seen", Counter())
    random.seed(seed)
    quiet = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    rules = settings(
        max_examples=rounds,
        stateful_step_count=25,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=quiet,
        database=None,
        print_blob=True,
    )
    run_state_machine_as_test(seeded(seed)(Till), settings=rules)
    print(f"seed {seed}: {Till.days} days, {dict(Till.seen)}, money conserved")
