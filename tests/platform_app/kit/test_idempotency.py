"""Idempotency keys on both engines: acts once, answers the same, refuses another request, leaves nothing behind."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.db import Db
from platform_app.kit.idempotency import KEPT, Asked, Done, once
from platform_app.kit.problem import Problem
from platform_app.kit.versions import check_version
from platform_app.orders.tables import event
from platform_app.users.tables import idempotency

NOW = 1_800_000_000


class Till:
    """Counts its sales in the database; the table of seen events serves as its book."""

    def __init__(self, url: str) -> None:
        self.db = Db(url)
        self.acted = 0

    async def sell(self, key: str, what: str = "h", user: int = 1, now: int = NOW, end: object = None) -> Any:
        async def act(c: AsyncConnection) -> Done | Problem:
            self.acted += 1
            await c.execute(insert(event).values(event_id=f"{user}-{key}-{self.acted}", at=now))
            await asyncio.sleep(0.02)
            if isinstance(end, Exception) and not isinstance(end, Problem):
                raise end
            return end if isinstance(end, Problem) else Done({"sale": self.acted}, 201, {"ETag": '"1"'})

        return await once(self.db, idempotency, Asked(key, what), user, now, act)

    async def sales(self) -> int:
        async with self.db.read() as c:
            return int((await c.execute(select(func.count()).select_from(event))).scalar_one())


async def test_the_same_call_acts_once(database_url: str) -> None:
    till = Till(database_url)
    first, again = await till.sell("k"), await till.sell("k")
    assert (first.status_code, first.body) == (again.status_code, again.body)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["etag"] == '"1"'
    assert "idempotency-replayed" not in first.headers
    assert await till.sales() == 1
    await till.sell("k", user=2)
    await till.sell("K")
    await till.sell("")
    await till.sell("")
    assert await till.sales() == 5, "another person, another key, no key"
    await till.db.close()


async def test_many_at_the_same_moment_act_once(database_url: str) -> None:
    till = Till(database_url)
    answers = await asyncio.gather(*(till.sell("k") for _ in range(6)))
    assert len({a.body for a in answers}) == 1
    assert await till.sales() == 1
    await till.db.close()


async def test_another_request_under_the_key_is_refused(database_url: str) -> None:
    till = Till(database_url)
    await till.sell("k", "one")
    with pytest.raises(Problem) as refused:
        await till.sell("k", "two")
    assert (refused.value.status, refused.value.code) == (422, "idempotency_key_reused")
    assert await till.sales() == 1
    await till.db.close()


async def test_what_failed_may_be_repeated(database_url: str) -> None:
    till = Till(database_url)
    with pytest.raises(ValueError, match="power cut"):
        await till.sell("k", end=ValueError("power cut"))
    assert await till.sales() == 0, "nothing half-done"
    with pytest.raises(Problem):
        await till.sell("k", end=Problem(401, "code_wrong"))
    assert await till.sales() == 1, "a returned problem is committed, but not kept"
    assert (await till.sell("k")).status_code == 201
    await till.db.close()


async def test_the_actions_own_conflict_is_not_taken_for_the_keys(database_url: str) -> None:
    till = Till(database_url)
    with pytest.raises(IntegrityError):
        await till.sell("k", end=IntegrityError("x", None, Exception()))
    await till.db.close()


async def test_an_answer_is_kept_for_a_day(database_url: str) -> None:
    till = Till(database_url)
    await till.sell("k")
    await till.sell("k", now=NOW + KEPT - 1)
    assert await till.sales() == 1
    await till.sell("k", "other", now=NOW + KEPT)
    assert await till.sales() == 2
    async with till.db.transaction() as c:
        assert (await c.execute(update(idempotency).values(created_at=0))).rowcount == 1
    await till.db.close()


VERSIONS = (
    ("*", None, 0),
    ('"3"', None, 0),
    ("3", 9, 0),
    ('W/"3"', None, 0),
    ('"2"', 3, 412),
    ("x", None, 412),
    ("9" * 20, None, 412),
    ("", 3, 0),
    ("", 2, 409),
    ("", None, 428),
)


@pytest.mark.parametrize(("if_match", "field", "status"), VERSIONS)
def test_versions(if_match: str, field: int | None, status: int) -> None:
    if not status:
        check_version(3, if_match, field)
        return
    with pytest.raises(Problem) as refused:
        check_version(3, if_match, field)
    assert (refused.value.status, refused.value.extra["version"]) == (status, 3)
