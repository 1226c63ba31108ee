"""`python -m platform_app.payments.recompute`: every amount and state computed anew from the events, and compared.

Prints one JSON object; exit code 0 all equal, 1 differences, 2 wrong use. Seeded rows have no events and are only
counted.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, Row, func, select

from platform_app.kit.config import ConfigError, ConfigFolder
from platform_app.kit.db import sync_engine
from platform_app.payments.events import Event, fold
from platform_app.payments.tables import entry, event, payment, refund, wallet

CHUNK = 500


@dataclass(frozen=True)
class Difference:
    """Something that is kept otherwise than its events say."""

    about: str
    kept: str
    computed: str


def differences(c: Connection) -> tuple[list[Difference], int, int]:
    """All differences; how many attempts were compared; how many have no events."""
    found: list[Difference] = []
    compared = silent = last = 0
    while True:
        query = select(payment).where(payment.c.id > last).order_by(payment.c.id).limit(CHUNK)
        rows = c.execute(query).all()
        if not rows:
            return [*found, *_wallets(c)], compared, silent
        last = rows[-1].id
        events, refunds = _events(c, rows), _refunds(c, rows)
        for row in rows:
            if not events[row.id]:
                silent += 1
                continue
            compared += 1
            found += _compare(row, events[row.id], refunds[row.id])


def _events(c: Connection, rows: Any) -> dict[int, list[Event]]:
    found: dict[int, list[Event]] = defaultdict(list)
    mine = select(event).where(event.c.payment_id.in_([row.id for row in rows])).order_by(event.c.id)
    for row in c.execute(mine):
        found[row.payment_id].append(Event(row.kind, orjson.loads(row.body)))
    return found


def _refunds(c: Connection, rows: Any) -> dict[int, dict[str, tuple[str, int]]]:
    found: dict[int, dict[str, tuple[str, int]]] = defaultdict(dict)
    for row in c.execute(select(refund).where(refund.c.payment_id.in_([row.id for row in rows]))):
        found[row.payment_id][row.out_refund_no] = (row.status, row.amount_fen)
    return found


def _compare(row: Row[Any], events: list[Event], refunds: dict[str, tuple[str, int]]) -> Iterator[Difference]:
    told = fold(row.out_trade_no, row.amount_fen, events)
    kept = (row.status, row.amount_fen, row.refunded_fen, row.reserved_fen)
    computed = (told.status, told.amount_fen, told.refunded_fen, told.reserved_fen)
    if kept != computed:
        yield Difference(row.out_trade_no, str(kept), str(computed))
    ours = {number: (_plain(state), fen) for number, (state, fen) in refunds.items()}
    theirs = {number: (_plain(state), fen) for number, (state, fen) in told.refunds.items()}
    if ours != theirs:
        yield Difference(f"{row.out_trade_no} refunds", str(ours), str(theirs))


def _plain(state: str) -> str:
    """A refund that was sent may be wanted again, when the channel lost it."""
    return "open" if state in ("wanted", "sent") else state


def _wallets(c: Connection) -> Iterator[Difference]:
    sums = select(
        entry.c.user_id,
        func.sum(entry.c.amount_fen),
        func.sum(entry.c.frozen_fen),
        func.count(),
        func.max(entry.c.version),
    ).group_by(entry.c.user_id)
    told = {row[0]: (int(row[1]), int(row[2]), row[3], row[4]) for row in c.execute(sums)}
    for row in c.execute(select(wallet)):
        kept = (row.balance_fen, row.frozen_fen, row.version, row.version)
        computed = told.pop(row.user_id, (0, 0, 0, 0))
        if kept != computed:
            yield Difference(f"wallet {row.user_id}", str(kept), str(computed))
    for user_id, sums_ in told.items():
        yield Difference(f"wallet {user_id}", "none", str(sums_))


def main() -> int:
    try:
        config = ConfigFolder.from_environment().config
    except ConfigError as error:
        print(f"recompute: {error}", file=sys.stderr)
        return 2
    engine = sync_engine(config.database_url)
    with engine.connect() as c:
        found, compared, silent = differences(c)
    engine.dispose()
    print(
        orjson.dumps(
            {"compared": compared, "without_events": silent, "differences": [asdict(d) for d in found]}
        ).decode()
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
