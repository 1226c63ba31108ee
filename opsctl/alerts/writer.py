"""The writer: changes are committed in the order given, many callers to one transaction, off the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from opsctl.core.db import Database

Statement = tuple[str, Sequence[Sequence[object]]]
_TURNS = 6  # of the loop before a commit: what an alert sets off, up to the intent to send, is one durable write
_BUSY, _GATHER = 6, 0.002  # callers in one commit, and seconds until the next then, so that commits are few and large


class Writer:
    """One thread that owns the writing connection. While a commit runs, callers gather for the next."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="alerts-writer")
        self._waiting: list[tuple[Sequence[Statement], asyncio.Future[None]]] = []
        self._busy: asyncio.Task[None] | None = None

    def write(self, statements: Sequence[Statement]) -> asyncio.Future[None]:
        """Queues changes; the future is done when they are durable, or carries the database's error."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((statements, done))
        if self._busy is None or self._busy.done():
            self._busy = asyncio.create_task(self._drain())
        return done

    async def close(self) -> None:
        """Returns when everything queued is durable."""
        if self._busy is not None:
            await self._busy
        await asyncio.get_running_loop().run_in_executor(self._pool, self._db.close)
        self._pool.shutdown()

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            for _ in range(_TURNS):
                await asyncio.sleep(0)
            taken, self._waiting = self._waiting, []
            try:
                await loop.run_in_executor(self._pool, self._commit, [s for each, _ in taken for s in each])
            except Exception as error:  # every caller gets the error as its own
                _finish(taken, error)
            else:
                _finish(taken, None)
            if len(taken) >= _BUSY:
                await asyncio.sleep(_GATHER)

    def _commit(self, statements: Sequence[Statement]) -> None:
        with self._db.transaction() as tx:
            for sql, rows in _joined(statements):
                tx.executemany(sql, rows)


def _joined(statements: Sequence[Statement]) -> list[tuple[str, list[Sequence[object]]]]:
    """Neighbours of the same kind as one; their order stays."""
    found: list[tuple[str, list[Sequence[object]]]] = []
    for sql, rows in statements:
        if found and found[-1][0] == sql:
            found[-1][1].extend(rows)
        else:
            found.append((sql, list(rows)))
    return found


def _finish(taken: list[tuple[Sequence[Statement], asyncio.Future[None]]], error: Exception | None) -> None:
    for _, done in taken:
        if done.cancelled():
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
