"""opsctl silences, routes, alerts silence|explain|noise: as a person types them, against the running process."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from opsctl.alerts.route import Route
from opsctl.alerts.trace import trace
from opsctl.model.labels import Labels
from opsctl.model.matcher import Matcher
from tests.alerts.conftest import Start
from tests.alerts.robots import Robots
from tests.alerts.running import Running, stamp, until
from tests.alerts.test_cli import opsctl, settings

CONFIG = """
route:
  receiver: rest
  group_by: [alertname]
  group_wait: 0s
  routes:
    - {matchers: [severity="critical"], receiver: page, continue: true}
    - matchers: [service=~"orders|payments"]
      receiver: booking
      routes: [{matchers: [alertname="Slow"], receiver: slow, mute_time_intervals: [night]}]
    - {matchers: [service="orders"], receiver: never}
time_intervals: [{name: night, time_intervals: [{times: [{start_time: "22:00", end_time: "24:00"}]}]}]
receivers: [{name: rest}, {name: page}, {name: booking}, {name: slow}, {name: never}]
"""


async def test_routes_show_and_test(start: Start, tmp_path: Path) -> None:
    running = await start(CONFIG)
    file = settings(tmp_path, running.url.removeprefix("http://"))
    code, said = await opsctl(file, "routes", "show")
    assert code == 0
    assert 'severity="critical" → page' in said
    assert "muted: night" in said
    code, said = await opsctl(file, "routes", "test", "severity=critical", "service=orders", "alertname=Slow")
    assert (code, "→ page, slow" in said) == (0, True)
    code, said = await opsctl(file, "routes", "test", "service=orders", "--json")
    visits = json.loads(said)["visits"]
    assert [v["receiver"] for v in visits if v["takes"]] == ["booking"]
    assert "no such label" in visits[1]["reason"]
    assert "so it takes the alert itself" in visits[2]["reason"]
    assert all(v["receiver"] != "never" for v in visits)  # not asked any more
    assert (await opsctl(file, "routes", "test", "service"))[0] == 2


def routes() -> st.SearchStrategy[Route]:
    matchers = st.lists(
        st.builds(Matcher, st.sampled_from("ab"), st.sampled_from(["=", "!="]), st.sampled_from(["", "1", "2"])),
        max_size=2,
    ).map(tuple)
    leaf = st.builds(Route, key=st.just(""), receiver=st.sampled_from("xyz"), matchers=matchers, go_on=st.booleans())
    return st.recursive(
        leaf,
        lambda children: st.builds(
            Route, key=st.just(""), receiver=st.sampled_from("xyz"), matchers=matchers, go_on=st.booleans(),
            routes=st.lists(children, max_size=3).map(tuple),
        ),
        max_leaves=8,
    )  # fmt: skip


@given(st.lists(routes(), max_size=4), st.dictionaries(st.sampled_from("ab"), st.sampled_from(["1", "2"])))
def test_the_trace_takes_what_the_tree_takes(children: list[Route], labels: dict[str, str]) -> None:
    root = Route(key="", receiver="root", routes=tuple(children))
    taken = [v.route for v in trace(root, Labels(labels)) if v.takes]
    assert sorted(map(id, taken)) == sorted(map(id, root.match(Labels(labels))))


async def test_silences_from_preview_to_end(robots: Robots, start: Start, tmp_path: Path) -> None:
    running = await start(CONFIG)
    file = settings(tmp_path, running.url.removeprefix("http://"))
    await asyncio.to_thread(running.fire, {"alertname": "A", "service": "orders"}, {"alertname": "B", "service": "x"})
    code, said = await opsctl(file, "silences", "preview", "service=orders", "--json")
    assert [a["labels"]["alertname"] for a in json.loads(said)] == ["A"]
    assert (await opsctl(file, "silences", "add", "service=orders"))[0] == 2  # without a comment
    code, said = await opsctl(file, "silences", "add", "service=orders", "--dry-run")
    assert (code, "hides 1" in said) == (0, True)
    assert await asyncio.to_thread(running.get, "/api/v2/silences") == []
    code, said = await opsctl(file, "silences", "add", 'service=~"ord.*"', "-d", "30m", "-c", "搬迁")
    assert (code, "hides 1" in said) == (0, True)
    code, said = await opsctl(file, "silences", "list")
    assert "service=~ord.*" in said
    (made,) = await asyncio.to_thread(running.get, "/api/v2/silences")
    assert (await opsctl(file, "silences", "expire", "zzz"))[0] == 2
    assert (await opsctl(file, "silences", "expire", made["id"][:8]))[0] == 0
    assert "no silences" in (await opsctl(file, "silences", "list"))[1]
    assert "expired" in (await opsctl(file, "silences", "list", "--expired"))[1]
    code, said = await opsctl(file, "alerts", "silence", "B", "--for", "1h", "--json")
    number = json.loads(said)["silenceID"]
    found = await asyncio.to_thread(running.get, f"/api/v2/silence/{number}")
    assert {m["name"]: m["value"] for m in found["matchers"]} == {"alertname": "B", "service": "x"}


async def test_noise_of_a_running_process(robots: Robots, start: Start, tmp_path: Path) -> None:
    hook = f"webhook_configs: [{{url: '{robots.url}/hook'}}]"
    running = await start(CONFIG.replace("{name: rest}", f"{{name: rest, {hook}}}"))
    file = settings(tmp_path, running.url.removeprefix("http://"))
    await asyncio.to_thread(running.fire, {"alertname": "A"})
    await until(lambda: robots.webhooks)
    code, said = await opsctl(file, "alerts", "noise", "--json")
    (row,) = json.loads(said)["alerts"]
    assert (code, row["alert"], row["episodes"], row["messages"]) == (0, "A", 1, 1)
    assert (await opsctl(file, "alerts", "noise", "--days", "3"))[0] == 0


async def test_an_alerts_life_is_explained(robots: Robots, start: Start, tmp_path: Path) -> None:
    hook = f"webhook_configs: [{{url: '{robots.url}/hook'}}]"
    text = CONFIG.replace("{name: rest}", f"{{name: rest, {hook}}}").replace(
        "group_wait: 0s", "group_wait: 0s\n  group_interval: 1s"
    )
    running = await start(text)
    file = settings(tmp_path, running.url.removeprefix("http://"))
    silenced = {"matchers": [{"name": "alertname", "value": "A", "isRegex": False}], "createdBy": "t", "comment": "c"}
    span = {"startsAt": stamp(time.time()), "endsAt": stamp(time.time() + 600)}
    answer = await asyncio.to_thread(running.post, "/api/v2/silences", {**silenced, **span})
    number = answer.json()["silenceID"]
    robots.answers["webhook"] = "422"
    await asyncio.to_thread(running.fire, {"alertname": "A"})
    await until(lambda: "silenced" in kinds(running))
    await asyncio.to_thread(running.delete, f"/api/v2/silence/{number}")
    await until(lambda: "refused" in kinds(running))
    robots.answers.clear()
    await until(lambda: "sent" in kinds(running))
    assert (await opsctl(file, "alerts", "ack", "A", "--who", "陈"))[0] == 0
    await asyncio.to_thread(running.fire, {"alertname": "A"}, ends=time.time())
    await until(lambda: "resolved" in kinds(running))
    code, said = await opsctl(file, "alerts", "explain", "A", "--json")
    events = json.loads(said)["events"]
    order = [e["kind"] for e in events]
    for earlier, later in (
        ("received", "silenced"),
        ("silenced", "heard again"),
        ("refused", "sent"),
        ("sent", "acknowledged"),
    ):
        assert order.index(earlier) < order.index(later), order
    assert number in next(e["reason"] for e in events if e["kind"] == "silenced")
    assert "HTTP 422" in next(e["reason"] for e in events if e["kind"] == "refused")
    code, said = await opsctl(file, "alerts", "explain", "A")
    assert (code, "no longer silenced" in said) == (0, True)


def kinds(running: Running) -> list[str]:
    """The turns in the life of the only alert."""
    (found,) = running.get("/api/opsctl/v1/alerts", resolved="true")
    return [e["kind"] for e in running.get(f"/api/opsctl/v1/life/{found['fingerprint']}")["events"]]
