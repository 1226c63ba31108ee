"""An engine in a process of its own, to be killed: starts the runbook `victim` of the home and waits."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tests.runbook.world import world


def main(home: Path) -> None:
    with world(home, {}) as here:
        run = here.start("victim").id
        print(run, flush=True)
        approved = False
        while True:
            state = here.engine.runs.state(run)
            asked = state.asked()
            if state.status == "awaiting_approval" and asked is not None and not approved:
                here.engine.approve(run, asked.hash, "bob")
                approved = True
            time.sleep(0.02)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
