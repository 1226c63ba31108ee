"""kill -9 at random moments of a ladder: no step is skipped, and at most the page in flight comes again."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest

from tests.alerts.conftest import Start
from tests.alerts.robots import Robots
from tests.alerts.running import until
from tests.oncall.test_escalating import config

STEPS = 4
ONCALL = "people: [{id: a, name: 甲}, {id: b, name: 乙}]\npolicies:\n  - name: climb\n    steps:\n" + "".join(
    f"      - {{notify: [{'a' if n % 2 else 'b'}], wait: 600ms}}\n" for n in range(STEPS)
)


@pytest.mark.campaign
async def test_kill_on_the_ladder(robots: Robots, start: Start, tmp_path: Path, seed: int, rounds: int) -> None:
    moments = random.Random(seed)
    robots.delay = 0.05
    (tmp_path / "oncall.yml").write_text(ONCALL, encoding="utf-8")
    running = await start(config(robots))
    for number in range(rounds):
        await asyncio.to_thread(running.fire, {"alertname": f"A{number}"})
        for _ in range(2):
            await asyncio.sleep(moments.uniform(0, 0.9))
            await asyncio.to_thread(running.kill)
            await asyncio.to_thread(running.start)
    wanted = {(f"A{n}", who): STEPS // 2 for n in range(rounds) for who in "ab"}

    def pages() -> Counter[tuple[str, str]]:
        return Counter((m["groupLabels"]["alertname"], m["receiver"].split("/")[1]) for m in robots.webhooks)

    await until(lambda: all(pages()[key] >= count for key, count in wanted.items()), 30, f"missing of {wanted}")
    await until(lambda: all(x["status"] == "exhausted" for x in running.get("/api/opsctl/v1/oncall/ladders")), 30)
    await asyncio.sleep(1.5)
    more = sum(pages().values()) - sum(wanted.values())
    print(f"ladders {rounds}, kills {2 * rounds}, pages {sum(pages().values())}, repeated {more}")
    assert set(pages()) == set(wanted)
    assert more <= 2 * rounds
    repeated = [d for d in running.get("/api/opsctl/v1/deliveries", limit=1000) if d["possiblyRepeated"]]
    assert more <= len(repeated)
