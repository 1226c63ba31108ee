"""What the catalog's endpoints share: its caches, and the question to orders of who has time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from platform_app.catalog import repository, search
from platform_app.catalog.offers import document
from platform_app.catalog.tables import category, service
from platform_app.kit.cache import Cache, cache_counter
from platform_app.kit.problem import Problem, not_found
from platform_app.kit.service import Service
from platform_app.kit.times import now

LIST_SECONDS = 5.0
"""How long a page of a list may lag behind the database."""
CATALOG_SECONDS = 60.0
"""How long categories and services may: nobody edits them while the platform runs."""


class Room:
    """Caches by what was asked. A change made here is seen here at once; other processes see it when theirs run out."""

    def __init__(self, here: Service) -> None:
        self._here = here
        counter = cache_counter(here.metrics)
        self._lists: Cache[dict[str, Any]] = Cache("lists", counter)
        self._offers: Cache[dict[str, Any]] = Cache("offers", counter, 10_000)
        self._catalog: Cache[list[dict[str, Any]]] = Cache("catalog", counter, 10)

    async def categories(self) -> list[dict[str, Any]]:
        """All, in their order."""

        async def load() -> list[dict[str, Any]]:
            async with self._here.db.read() as c:
                return [
                    dict(r._mapping) for r in (await c.execute(select(category).order_by(category.c.position))).all()
                ]

        return await self._catalog.get("categories", load, CATALOG_SECONDS, now())

    async def services(self) -> list[dict[str, Any]]:
        """All, by their number."""

        async def load() -> list[dict[str, Any]]:
            async with self._here.db.read() as c:
                return [dict(r._mapping) for r in (await c.execute(select(service).order_by(service.c.id))).all()]

        return await self._catalog.get("services", load, CATALOG_SECONDS, now())

    async def named(self, text: str) -> tuple[int, ...]:
        """The services whose name, or whose category's name, contains a text."""
        low = text.lower()
        of = {c["id"] for c in await self.categories() if low in c["name"].lower()}
        return tuple(s["id"] for s in await self.services() if s["category_id"] in of or low in s["name"].lower())

    async def offering(self, offering_id: int) -> dict[str, Any]:
        """An offering with all that orders must know to book it. Raises Problem 404."""

        async def load() -> dict[str, Any]:
            async with self._here.db.read() as c:
                row = await repository.by_id(c, offering_id)
                if row is None:
                    raise not_found("服务项目")
                offer = document(await repository.offer(c, row))
            inside = {"provider_user_id": row.provider_user_id, "active": bool(row.active), "offer": offer}
            return {**search.shown(row), **inside}

        return await self._offers.get(offering_id, load, LIST_SECONDS, now())

    def changed(self, offering_id: int) -> None:
        """An offering is no longer what it was."""
        self._offers.forget(offering_id)
        self._lists.clear()

    async def page(self, wish: search.Wish, free: search.Free | None) -> dict[str, Any]:
        """One page of a list."""
        load = self._page if free is None else self._free_page
        return await self._lists.get((wish, free), lambda: load(wish, free), LIST_SECONDS, now())

    async def _page(self, wish: search.Wish, _free: search.Free | None) -> dict[str, Any]:
        async with self._here.db.read() as c:
            rows = list((await c.execute(search.search(wish))).all())
        return {"items": [search.shown(r) for r in rows[: wish.limit]], "next_cursor": search.next_cursor(wish, rows)}

    async def _free_page(self, wish: search.Wish, free: search.Free | None) -> dict[str, Any]:
        """Looks through the list until a page of those with time is full, or until it has asked about enough of them:
        then the page is shorter and its cursor goes on behind the last one that was looked at."""
        assert free is not None
        found: list[dict[str, Any]] = []
        for _ in range(search.MOST_ROUNDS):
            async with self._here.db.read() as c:
                rows = list((await c.execute(search.search(wish))).all())
            seen = rows[: wish.limit]
            open_at = await self._who_has_time(seen, free)
            for row in seen:
                if row.id in open_at:
                    found.append({**search.shown(row), "free_from": open_at[row.id]})
                if len(found) == wish.limit:
                    return {"items": found, "next_cursor": search.cursor_after(wish, row)}
            cursor = search.next_cursor(wish, rows)
            if cursor is None:
                return {"items": found, "next_cursor": None}
            wish = wish.further(cursor)
        return {"items": found, "next_cursor": wish.cursor}

    async def _who_has_time(self, rows: Sequence[Any], free: search.Free) -> dict[int, str]:
        """Offering → its first free start in the range asked for."""
        asked = [{"id": r.id, "provider_id": r.provider_id, "minutes": r.duration_minutes} for r in rows]
        body = {"asked": asked, "day": free.day, "start": free.start, "end": free.end, "district": free.district}
        timeout = self._here.config.orders.upstream_timeout_seconds
        answer = await self._here.client.call("orders", "POST", "/internal/free", json=body, timeout=timeout)
        if not answer.ok:
            raise Problem(502, "upstream_unavailable", "orders 暂时不可用", service="orders")
        return {int(key): str(at) for key, at in answer.json()["free"].items()}
