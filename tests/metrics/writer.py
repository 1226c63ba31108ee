"""A writer to be killed: appends rising numbers to the store in argv[1] and prints each when it is acknowledged."""

from __future__ import annotations

import sys
from pathlib import Path

from opsctl.metrics.store import EmbeddedStore
from tests.metrics.support import everything, put, series

STEP_MS = 120_000


def main() -> None:
    store = EmbeddedStore(Path(sys.argv[1]))
    held = everything(store)
    last = max((t for rows in held.values() for t, _ in rows), default=0) // STEP_MS
    k = last
    while True:
        k += 1
        put(store, k * STEP_MS, {series("a", i=str(i)): float(k) for i in range(k % 7 + 3)})
        print(k, flush=True)
        if k % 40 == 0:
            store.maintain(k * STEP_MS / 1000)


if __name__ == "__main__":
    main()
