"""Idempotency keys: the same unsafe call sent twice acts once, and both get the same answer.

The caller sends `Idempotency-Key`. Its answer is written in the transaction that acts, and is kept for a day; the same
key with another request is 422. A call that fails leaves nothing behind and may be repeated with its key.

    @router.post("/things")
    async def make(body: Thing, who: Who, service: Here, call: Call) -> Response:
        async def act(c: AsyncConnection) -> Done:
            return Done({"id": await repository.add(c, body)}, 201)

        return await once(service.db, keys, call, who.user_id, now(), act)
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

import orjson
from fastapi import Depends, Header, Request, Response
from sqlalchemy import Column, Index, Integer, Row, String, Table, Text, delete, insert, select, update
from sqlalchemy.dialects.mysql import VARCHAR
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from platform_app.kit.answers import Json
from platform_app.kit.db import MYSQL, Db, Id, metadata
from platform_app.kit.problem import Problem

KEPT = 86_400
"""Seconds for which an answer is kept."""
_KEY = String(80).with_variant(VARCHAR(80, collation="utf8mb4_bin"), "mysql", "mariadb")
"""Keys differ by case on both engines."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What identifies a call: its key ('' when the caller gave none) and what it asks for."""

    key: str
    request_hash: str


@dataclass(frozen=True, slots=True)
class Done:
    """The answer of an action that went through."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Act = Callable[[AsyncConnection], Awaitable[Done | Problem]]
"""Acts inside the given transaction. A Problem that it raises rolls back; one that it returns is raised after the
commit (a counted wrong try)."""


def idempotency_columns() -> list[Any]:
    """The columns of `<service>_idempotency` as revisions make it."""
    return [
        Column("user_id", Id, primary_key=True, autoincrement=False),
        Column("idempotency_key", _KEY, primary_key=True),
        Column("request_hash", String(64), nullable=False),
        Column("status", Integer, nullable=False),
        Column("body", Text, nullable=False),
        Column("headers", Text, nullable=False),
        Column("created_at", Id, nullable=False),
    ]


def idempotency_table(service: str) -> Table[Any]:
    """The kept answers of a service on `metadata`; call it once, in the service's `tables.py`."""
    name = f"{service}_idempotency"
    if name in metadata.tables:
        return metadata.tables[name]
    return Table(name, metadata, *idempotency_columns(), Index(f"ix_{name}_created_at", "created_at"), **MYSQL)


async def asked(
    request: Request,
    idempotency_key: Annotated[
        str, Header(max_length=80, pattern=r"^[\x21-\x7e]*$", description="同一请求重试时保持不变,24 小时内只执行一次")
    ] = "",
) -> Asked:
    """FastAPI dependency: the key of this call and the hash of method, path, query and body."""
    if not idempotency_key:
        return Asked("", "")
    query = request.scope.get("query_string", b"").decode("latin-1")
    head = f"{request.method} {request.url.path}?{query}\n"
    return Asked(idempotency_key, hashlib.sha256(head.encode() + await request.body()).hexdigest())


Call = Annotated[Asked, Depends(asked)]
"""Endpoint argument type of an unsafe call."""


async def once(db: Db, table: Table[Any], call: Asked, user_id: int, now: int, act: Act) -> Response:
    """Acts in one transaction and keeps the answer; a repeated call gets what is kept, `Idempotency-Replayed: true`.

    Two at the same moment: the later waits for the earlier by the database's key. Raises Problem 422 for another
    request under the same key.
    """
    if not call.key:
        async with db.transaction() as c:
            result = await act(c)
        return _answer(result)
    try:
        async with db.transaction() as c:
            await _claim(c, table, call, user_id, now)
            result = await act(c)
            await _keep(c, table, call, user_id, result)
        return _answer(result)
    except IntegrityError:
        found = await _kept(db, table, call, user_id)
        if found is None:
            raise  # not the key's: the action's own
        return _replay(found, call)


async def _claim(c: AsyncConnection, table: Table[Any], call: Asked, user_id: int, now: int) -> None:
    mine = (table.c.user_id == user_id) & (table.c.idempotency_key == call.key)
    await c.execute(delete(table).where(mine, table.c.created_at <= now - KEPT))
    row = {"user_id": user_id, "idempotency_key": call.key, "request_hash": call.request_hash, "created_at": now}
    await c.execute(insert(table).values(**row, status=0, body="", headers="{}"))


async def _keep(c: AsyncConnection, table: Table[Any], call: Asked, user_id: int, result: Done | Problem) -> None:
    mine = (table.c.user_id == user_id) & (table.c.idempotency_key == call.key)
    if isinstance(result, Problem):
        await c.execute(delete(table).where(mine))
        return
    body, headers = orjson.dumps(result.body).decode(), orjson.dumps(result.headers).decode()
    await c.execute(update(table).where(mine).values(status=result.status, body=body, headers=headers))


async def _kept(db: Db, table: Table[Any], call: Asked, user_id: int) -> Row[Any] | None:
    async with db.read() as c:
        mine = select(table).where(table.c.user_id == user_id, table.c.idempotency_key == call.key)
        return (await c.execute(mine)).first()


def _replay(found: Row[Any], call: Asked) -> Response:
    if found.request_hash != call.request_hash:
        raise Problem(422, "idempotency_key_reused", "该幂等键已用于另一请求,请更换后再试")
    headers = {**orjson.loads(found.headers), "Idempotency-Replayed": "true"}
    return _answer(Done(orjson.loads(found.body), found.status, headers))


def _answer(result: Done | Problem) -> Response:
    if isinstance(result, Problem):
        raise result
    if result.status == 204:
        return Response(status_code=204, headers=result.headers)
    return Json(result.body, result.status, result.headers)
