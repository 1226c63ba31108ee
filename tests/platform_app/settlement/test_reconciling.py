"""A day's bill against our books: what the sandbox planted is what is found, no more and no less."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from platform_app.kit.problem import Problem
from platform_app.kit.times import day_of
from platform_app.sandbox.wechat.bills import KINDS
from platform_app.settlement import differences
from platform_app.settlement.bills import Bill, BillLine
from platform_app.settlement.compare import Moved, compare
from platform_app.settlement.reconciling import reconcile
from platform_app.settlement.tables import difference, movement
from tests.platform_app.settlement.books import holds, paid, proof
from tests.platform_app.settlement.town import NOON, NOW, YESTERDAY, Town


async def rows(town: Town, state: str = "") -> list[Any]:
    async with town.db.read() as c:
        return await differences.page_of(c, state, "", None, 100)


async def run(town: Town, now: int = NOW) -> Any:
    return await reconcile(town.db, town.wechat, YESTERDAY, now)


async def test_both_sides_agree_and_fees_are_booked_once(town: Town) -> None:
    await town.both(9)
    report = await run(town)
    assert (report.outcome, report.lines, report.matched) == ("agreed", 12, 12)
    assert report.theirs_fen == report.ours_fen
    assert report.fee_fen > 0
    await run(town)
    assert await holds(town.db, "channel_fee", "wechat") == report.fee_fen
    assert await rows(town) == []
    assert (await proof(town.db)).right


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_planted_difference_is_found_and_nothing_else(town: Town, seed: int) -> None:
    await town.both(15)
    planted = await town.admin("PUT", f"/api/bills/{YESTERDAY}", {"kinds": [*KINDS, *KINDS], "seed": seed})
    wanted = {(p["kind"], p["subject"], p["ref"]) for p in planted["planted"]}
    assert len(wanted) == 10
    report = await run(town)
    found = await rows(town, "open")
    assert {(r.kind, r.subject, r.ref) for r in found} == wanted
    assert (report.outcome, report.found) == ("differences", dict.fromkeys(sorted(KINDS), 2))
    assert all(differences.shown(r)["advice"] for r in found)
    again = await run(town, NOW + 60)
    assert again == report
    assert len(await rows(town)) == 10


async def test_what_a_person_resolved_stays_and_what_agrees_again_is_resolved_by_the_run(town: Town) -> None:
    await town.both(6)
    await town.admin("PUT", f"/api/bills/{YESTERDAY}", {"kinds": ["amount", "twice"]})
    await run(town)
    first, second = await rows(town, "open")
    done = await differences.resolve(town.db, first.id, 99, "渠道确认重复,已退回", NOW + 5)
    assert (done.state, done.resolved_by, done.reason) == ("resolved", 99, "渠道确认重复,已退回")
    with pytest.raises(Problem) as refused:
        await differences.resolve(town.db, first.id, 99, "再来一次", NOW + 6)
    assert refused.value.code == "resolved_already"
    await run(town, NOW + 10)
    assert [r.id for r in await rows(town, "open")] == [second.id]
    await town.admin("DELETE", f"/api/bills/{YESTERDAY}")
    await run(town, NOW + 20)
    assert await rows(town, "open") == []
    by = {r.id: r.resolved_by for r in await rows(town)}
    assert by == {first.id: 99, second.id: 0}


@pytest.mark.parametrize("fault", ["wechat_bills_down", "wechat_bills_damaged"])
async def test_a_bill_that_cannot_be_had_is_a_difference_until_it_is_had(town: Town, fault: str) -> None:
    await town.both(3)
    await town.admin("PUT", f"/api/bills/{YESTERDAY}", {"kinds": ["missing_here"]})
    await run(town)
    await town.fault(fault)
    report = await run(town, NOW + 10)
    assert report.outcome == "unfetched"
    assert {r.kind for r in await rows(town, "open")} == {"missing_here", "unfetched"}
    await town.fault(fault, on=False)
    await run(town, NOW + 20)
    assert {r.kind for r in await rows(town, "open")} == {"missing_here"}
    assert await holds(town.db, "channel_fee", "wechat") > 0
    assert (await proof(town.db)).right


async def test_a_day_without_trades_agrees_with_books_that_have_none(town: Town) -> None:
    assert (await run(town)).outcome == "agreed"
    await town.ours(paid(1, at=NOON))
    assert (await run(town)).found == {"missing_there": 1}


async def test_a_payment_on_either_side_of_midnight_is_no_difference(town: Town) -> None:
    town.there("T00000001", 10_000, at=NOON + 12 * 3_600 - 1)
    await town.ours(paid(1, 10_000, at=NOON + 12 * 3_600 + 30))
    assert (await run(town)).outcome == "agreed"
    async with town.db.read() as c:
        assert (await c.execute(select(movement.c.billed_day))).scalars().all() == [YESTERDAY]


async def test_what_was_booked_after_the_run_settles_what_was_missing_here(town: Town) -> None:
    """Their bill of yesterday shows it, we book it a day late: today's run finds it billed already."""
    town.there("T00000001", 10_000)
    assert (await run(town)).found == {"missing_here": 1}
    await town.ours(paid(1, 10_000, at=NOON + 86_400))

    class Empty:
        channel = "wechat"

        def bill(self, day: str) -> Bill:
            return Bill(self.channel, day, ())

    async with town.db.read() as c:
        before = (await c.execute(select(difference.c.state))).scalars().all()
    from_today = NOON + 86_400
    report = await reconcile(town.db, Empty(), day_of(from_today), from_today + 86_400)
    assert (before, report.outcome) == (["open"], "agreed")
    assert [r.state for r in await rows(town)] == ["resolved"]


async def test_the_command_reconciles_and_tells_by_its_exit_code(town: Town, tmp_path: Any) -> None:
    await town.both(4)

    def command(module: str, *words: str) -> tuple[int, Any]:
        environment = {**os.environ, "PLATFORM_CONFIG": str(tmp_path / "booking" / "config")}
        asked = [sys.executable, "-m", module, *words]
        done = subprocess.run(asked, capture_output=True, env=environment, timeout=60, check=False)
        return done.returncode, orjson.loads(done.stdout) if done.stdout else done.stderr.decode()

    module = "platform_app.settlement.reconcile"
    code, report = await asyncio.to_thread(command, module, "--day", YESTERDAY)
    assert (code, report["outcome"], report["matched"]) == (0, "agreed", 5)
    await town.admin("PUT", f"/api/bills/{YESTERDAY}", {"kinds": ["amount"]})
    assert (await asyncio.to_thread(command, module))[0] == 3
    code, told = await asyncio.to_thread(command, "platform_app.tasks", "reconcile", "--day", YESTERDAY)
    assert (code, told["reports"][0]["found"]) == (0, {"amount": 1})
    code, told = await asyncio.to_thread(command, module, "--day", "2999-01-01")
    assert (code, "is not over yet" in told) == (2, True)
    code, told = await asyncio.to_thread(command, "platform_app.tasks", "check-books")
    assert (code, told["right"]) == (0, True)


Rows = st.lists(st.tuples(st.integers(0, 6), st.integers(1, 3), st.booleans()), max_size=8)


@given(Rows, st.dictionaries(st.integers(0, 6), st.integers(1, 3)))
def test_every_line_and_every_payment_ends_matched_or_as_a_difference(
    lines: list[tuple[int, int, bool]], held: dict[int, int]
) -> None:
    bill = Bill("x", "d", tuple(BillLine("paid", f"T{n}", f"T{n}", fen, 0, done, "S") for n, fen, done in lines))
    ours = [Moved(n, "paid", f"T{n}", fen, 0) for n, fen in held.items()]
    found = compare(bill, ours, ours)
    named = {d.ref for d in found.differences}
    billed = {f"T{n}" for n, *_ in lines}
    for mine in ours:
        exact = [fen == mine.amount_fen and done for n, fen, done in lines if n == mine.id]
        assert (mine.ref in named) == (exact != [True])
        assert (mine.id in found.matched) == (mine.ref in billed)
    for n, _, done in lines:
        alone = sum(1 for other, *_ in lines if other == n) == 1
        if n not in held and alone:
            assert (f"T{n}" in named) == done
    assert len({d.key for d in found.differences}) == len(found.differences)
