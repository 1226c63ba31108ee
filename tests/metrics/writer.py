"""A writer to be killed: appends rising numbers to the store in argv[1] and prints each when it is acknowledged.

Every value is the number of its time, so that what is read back tells whether it is right.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from opsctl.metrics.store import EmbeddedStore
from opsctl.model.batch import Batch
from opsctl.model.labels import Labels
from tests.metrics.support import everything, series

STEP_MS = 120_000
BEHIND = 21
RETENTION_STEPS = 1200


def opened(folder: Path) -> EmbeddedStore:
    return EmbeddedStore(folder, RETENTION_STEPS * STEP_MS / 1000, out_of_order_ms=8 * 3600 * 1000)


def batches(k: int) -> list[Batch]:
    """What is appended at step k: series that come and go, and a sample that is late at every even step."""
    now = [series("a", i=str(i)) for i in range(k % 7 + 3)] + [series("gone", k=str(k // 20))]
    made = [_batch("t", k, [*now, series("late")] if k % 2 == 0 else now)]
    if k % 2 == 0 and k > BEHIND:
        made.append(_batch("t", k - BEHIND, [series("late")]))
    return made


def _batch(source: str, k: int, labels: list[Labels]) -> Batch:
    return Batch(source, k * STEP_MS, tuple(labels), np.full(len(labels), float(k)))


def main() -> None:
    store = opened(Path(sys.argv[1]))
    held = everything(store)
    k = max((t for rows in held.values() for t, _ in rows), default=0) // STEP_MS
    while True:
        k += 1
        store.append(*batches(k))
        print(k, flush=True)
        if k % 40 == 0:
            store.maintain(k * STEP_MS / 1000)


if __name__ == "__main__":
    main()
