"""Three alerting processes as one: they notify once, share what people decide, and go on when one dies or freezes."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.alerts.robots import Robots
from tests.alerts.running import Running, stamp, until
from tests.oncall.test_escalating import ONCALL, paged
from tests.oncall.test_escalating import config as pager_config
from tests.servers import free_port

WAIT = "--cluster.peer-timeout=2s"


def config(robots: Robots) -> str:
    return (
        "route: {receiver: hook, group_by: [alertname], group_wait: 0s, group_interval: 1s}\n"
        f"receivers: [{{name: hook, webhook_configs: [{{url: '{robots.url}/hook'}}]}}]\n"
    )


@asynccontextmanager
async def three(tmp_path: Path, text: str, oncall: str = "") -> AsyncIterator[list[Running]]:
    """Three members by the order of their places: the first has nobody before it."""
    ports = [free_port() for _ in range(3)]
    members = []
    for number, port in enumerate(ports):
        folder = tmp_path / f"m{number}"
        folder.mkdir()
        if oncall:
            (folder / "oncall.yml").write_text(oncall, encoding="utf-8")
        flags = [
            f"--cluster.listen-address=127.0.0.1:{port}", f"--cluster.peer-name=member-{number}", WAIT,
            *(f"--cluster.peer=127.0.0.1:{p}" for p in ports),
        ]  # fmt: skip
        members.append((folder, flags))
    running = await asyncio.gather(*(asyncio.to_thread(Running, folder, text, *flags) for folder, flags in members))
    try:
        yield list(running)
    finally:
        for each in running:
            if each.process.poll() is None:
                os.kill(each.process.pid, signal.SIGCONT)
        await asyncio.gather(*(asyncio.to_thread(each.stop) for each in running))


def peers(running: Running) -> int:
    return len(running.get("/api/v2/status")["cluster"]["peers"])


async def everywhere(members: list[Running], *labels: dict[str, str], ends: float | None = None) -> None:
    """As Prometheus does: the same alerts to every member that answers."""
    for each in members:
        await asyncio.to_thread(each.fire, *labels, ends=ends)


async def test_they_see_each_other_and_notify_once(robots: Robots, tmp_path: Path) -> None:
    async with three(tmp_path, config(robots)) as members:
        for each in members:
            await until(lambda e=each: peers(e) == 3, 3, "the full count")
        await everywhere(members, {"alertname": "A"}, {"alertname": "B"})
        await until(lambda: len(robots.webhooks) == 2)
        await asyncio.sleep(5)
        assert sorted(m["groupLabels"]["alertname"] for m in robots.webhooks) == ["A", "B"]
        await everywhere(members, {"alertname": "A"}, ends=time.time())
        await until(lambda: len(robots.webhooks) == 3)
        await asyncio.sleep(5)
        assert [m["status"] for m in robots.webhooks].count("resolved") == 1


async def test_what_people_decide_is_known_to_all(robots: Robots, tmp_path: Path) -> None:
    async with three(tmp_path, config(robots)) as members:
        one, two, three_ = members
        body = {
            "matchers": [{"name": "alertname", "value": "Quiet", "isRegex": False}], "createdBy": "t", "comment": "c",
            "startsAt": stamp(time.time()), "endsAt": stamp(time.time() + 600),
        }  # fmt: skip
        number = (await asyncio.to_thread(two.post, "/api/v2/silences", body)).json()["silenceID"]
        for each in (one, three_):
            await until(lambda e=each: [s["id"] for s in e.get("/api/v2/silences")] == [number], 2, "the silence")
        await everywhere(members, {"alertname": "Quiet"}, {"alertname": "Loud"})
        await until(lambda: robots.webhooks)
        loud = next(a for a in one.get("/api/v2/alerts") if a["labels"]["alertname"] == "Loud")["fingerprint"]
        await asyncio.to_thread(three_.post, f"/api/opsctl/v1/alerts/{loud}/ack", {"who": "陈"})
        await until(lambda: [a["who"] for a in one.get("/api/opsctl/v1/acks")] == ["陈"], 2, "the acknowledgement")
        three_.kill()
        await asyncio.to_thread(three_.start)
        assert [s["id"] for s in three_.get("/api/v2/silences")] == [number]
        await asyncio.to_thread(one.delete, f"/api/v2/silence/{number}")
        await until(lambda: three_.get(f"/api/v2/silence/{number}")["status"]["state"] == "expired", 3, "its end")
        assert {m["groupLabels"]["alertname"] for m in robots.webhooks} == {"Loud"}


async def test_when_the_first_dies_the_next_tells(robots: Robots, tmp_path: Path) -> None:
    async with three(tmp_path, config(robots)) as members:
        for each in members:
            await until(lambda e=each: peers(e) == 3, 3)
        members[0].kill()
        await everywhere(members[1:], {"alertname": "A"})
        await until(lambda: robots.webhooks, 15)
        await asyncio.sleep(6)
        assert len(robots.webhooks) == 1


async def test_a_frozen_one_tells_nothing_twice_when_it_wakes(robots: Robots, tmp_path: Path) -> None:
    async with three(tmp_path, config(robots)) as members:
        for each in members:
            await until(lambda e=each: peers(e) == 3, 3)
        first = members[0]
        await asyncio.to_thread(first.fire, {"alertname": "A"}, {"alertname": "B"})
        await until(lambda: len(robots.webhooks) == 2)
        os.kill(first.process.pid, signal.SIGSTOP)
        await everywhere(members[1:], {"alertname": "A"}, {"alertname": "B"}, {"alertname": "C"})
        await until(lambda: len(robots.webhooks) == 3, 15)
        os.kill(first.process.pid, signal.SIGCONT)
        await asyncio.to_thread(first.fire, {"alertname": "A"}, {"alertname": "B"}, {"alertname": "C"})
        await asyncio.sleep(6)
        assert sorted(m["groupLabels"]["alertname"] for m in robots.webhooks) == ["A", "B", "C"]


async def test_a_ladder_goes_on_at_another_member(robots: Robots, tmp_path: Path) -> None:
    oncall = ONCALL.replace("wait: 2s", "wait: 4s")
    async with three(tmp_path, pager_config(robots), oncall) as members:
        for each in members:
            await until(lambda e=each: peers(e) == 3, 3)
        await everywhere(members, {"alertname": "A"})
        await until(lambda: robots.webhooks)
        await asyncio.sleep(1)
        members[0].kill()
        await until(lambda: len(robots.webhooks) == 4, 40)
        await asyncio.sleep(6)
        assert paged(robots)[:2] == ["chen", "liu"]
        assert sorted(paged(robots)[2:]) == ["chen", "liu"]
