"""Providers: profiles, and the count of what they have done."""

from __future__ import annotations

from sqlalchemy import insert, text

from platform_app.providers.repository import best
from platform_app.providers.tables import provider
from tests.platform_app.world import Platform


async def test_profiles(sqlite_platform: Platform) -> None:
    await sqlite_platform.start("providers")
    _, body = await sqlite_platform.request("providers", "GET", "/api/v1/providers?limit=2")
    assert [p["id"] for p in body["items"]] == [3, 2]
    _, body = await sqlite_platform.request("providers", "GET", "/api/v1/providers?district=西湖区")
    assert [p["id"] for p in body["items"]] == [2, 1]
    assert (await sqlite_platform.request("providers", "GET", "/api/v1/providers/9"))[0] == 404
    status, mine = await sqlite_platform.internal("providers", "GET", "/internal/providers/by-user/12")
    assert (status, mine["id"]) == (200, 2)
    assert (await sqlite_platform.internal("providers", "GET", "/internal/providers/by-user/1"))[0] == 404


async def test_a_completed_order_counts_once(platform: Platform) -> None:
    await platform.start("providers")
    event = {"id": "e1", "kind": "order.completed", "payload": {"provider_id": 1}}
    other = {"id": "e2", "kind": "order.paid", "payload": {"provider_id": 1}}
    answers = [await platform.internal("providers", "POST", "/internal/events", json=e) for e in (event, event, other)]
    assert [body["taken"] for _, body in answers] == [True, False, False]
    assert (await platform.request("providers", "GET", "/api/v1/providers/1"))[1]["orders_done"] == 1


async def test_the_best_are_found_by_index(mariadb_url: str, platform: Platform) -> None:
    if platform.folder.config.database_url != mariadb_url:
        return
    await platform.start("providers")
    known = {"name": "李阿姨", "intro": "", "years": 1, "created_at": 1}
    rows = [{**known, "user_id": 100 + n, "district": f"区{n % 9}", "rating_x100": 400 + n % 99} for n in range(3_000)]
    async with platform.app("providers").state.service.db.transaction() as c:
        await c.execute(insert(provider), [{**row, "orders_done": n} for n, row in enumerate(rows)])
        await c.execute(text("ANALYZE TABLE providers_provider"))
        for district in ("", "区3"):
            words = str(best(district, 12).compile(c.sync_connection, compile_kwargs={"literal_binds": True}))
            (plan,) = (await c.execute(text(f"EXPLAIN {words}"))).mappings().all()
            assert plan["key"].startswith("ix_providers_provider"), plan
            assert "filesort" not in (plan["Extra"] or ""), plan
