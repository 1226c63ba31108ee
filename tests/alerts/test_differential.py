"""Side by side with Debian's Alertmanager: the same posts, the same webhooks, the same API answers."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from aiohttp import web

from tests.alerts.running import Running, alert, stamp, until
from tests.alerts.scenarios import ALL, INHIBIT, Fire, Hush, Scenario
from tests.servers import free_port, http_ok, need

BINARY = "prometheus-alertmanager"
_LAST = 8.4


def _minor() -> int:
    """The x of the 0.x that is installed."""
    found = shutil.which(BINARY)
    said = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=20).stdout if found else ""
    version = re.search(r"version 0\.(\d+)", said)
    return int(version[1]) if version else 0


MINOR = _minor()
SCENARIOS = [each for each in ALL if each.since <= MINOR]
_OWN = ("externalURL",) if MINOR >= 34 else ("externalURL", "notification_reason", "routeLabels")
_LATE = 0.7  # how far apart the same message may come on a busy machine; flushes are 2 s apart


class Hooks:
    """One webhook a receiver, at /NAME/NUMBER."""

    def __init__(self) -> None:
        self.told: dict[str, list[tuple[float, dict[str, Any]]]] = defaultdict(list)
        self._answers = {s.name: list(s.answers) for s in SCENARIOS}
        self.url = ""

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/{name}/{number}", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.json()
        answers = self._answers[request.match_info["name"]]
        if answers:
            return web.Response(status=answers.pop(0))
        self.told["/".join(request.match_info.values())].append((time.time(), body))
        return web.Response()


def configuration(hooks: Hooks) -> str:
    """One route and one receiver for each scenario."""
    routes, receivers = [], [{"name": "nobody"}]
    for each in SCENARIOS:
        mine = {"match": {"sc": each.name}, "receiver": each.name}
        given = dict(each.route)
        given["matchers"] = [f'sc="{each.name}"', *given.get("matchers", [])]
        routes += [{**mine, **given} if "match" not in given else given]
        routes += [{**mine, **more} for more in each.more]
        webhooks = [{"url": f"{hooks.url}/{each.name}/{n}", **hook} for n, hook in enumerate(each.hooks)]
        receivers.append({"name": each.name, "webhook_configs": webhooks})
    return yaml.safe_dump({
        "global": {"resolve_timeout": "4s"},
        "route": {
            "receiver": "nobody", "group_by": ["alertname"], "group_wait": "1s", "group_interval": "2s",
            "repeat_interval": "1h", "routes": routes,
        },
        "inhibit_rules": INHIBIT,
        "time_intervals": [
            {"name": "always", "time_intervals": [{"years": ["2000:3000"]}]},
            {"name": "never", "time_intervals": [{"years": ["1999"]}]},
        ],
        "receivers": receivers,
    }, sort_keys=False)  # fmt: skip


@pytest.fixture
async def ours(tmp_path: Path) -> AsyncIterator[tuple[str, Hooks]]:
    hooks = Hooks()
    await hooks.start()
    running = await asyncio.to_thread(Running, tmp_path, configuration(hooks))
    yield running.url, hooks
    await asyncio.to_thread(running.stop)
    await hooks.stop()


@pytest.fixture
async def theirs(tmp_path: Path) -> AsyncIterator[tuple[str, Hooks]]:
    """Alertmanager itself, with hooks of its own."""
    binary, hooks = need(BINARY), Hooks()
    await hooks.start()
    folder = tmp_path / "original"
    folder.mkdir()
    (folder / "am.yml").write_text(configuration(hooks))
    address = f"127.0.0.1:{free_port()}"
    process = subprocess.Popen(
        [str(binary), f"--config.file={folder}/am.yml", f"--storage.path={folder}/data", f"--web.listen-address={address}",
         "--cluster.listen-address="],
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    url = f"http://{address}"
    await until(lambda: http_ok(f"{url}/-/ready"), 15, "alertmanager")
    yield url, hooks
    process.terminate()
    await asyncio.to_thread(process.wait, 10)
    await hooks.stop()


async def test_same_posts_same_webhooks_same_answers(ours: tuple[str, Hooks], theirs: tuple[str, Hooks]) -> None:
    urls = (ours[0], theirs[0])
    began = round(time.time(), 3) + 0.5
    await asyncio.to_thread(_play, urls, began)
    wrong = [
        f"{each.name}: {problem}"
        for each in SCENARIOS
        for number in range(len(each.hooks))
        if (
            problem := _difference(each, ours[1].told[f"{each.name}/{number}"], theirs[1].told[f"{each.name}/{number}"])
        )
    ]
    assert not wrong, "\n".join(wrong)
    assert sum(len(told) for told in ours[1].told.values()) > len(SCENARIOS)


def _play(urls: tuple[str, str], began: float) -> None:
    """Does everything at its time to both; in between, their API says the same."""
    todo: list[tuple[float, Callable[[], None]]] = []
    for at in sorted({act.at for each in SCENARIOS for act in each.acts}):
        todo.append((at, lambda at=at: _post(urls, began, at)))  # type: ignore[misc]
    for each in SCENARIOS:
        for act in each.acts:
            if isinstance(act, Hush):
                todo.append((act.at, lambda n=each.name, a=act: _hush(urls, began, n, a, todo)))  # type: ignore[misc]
    for at in (0.8, 2.6, 4.5):
        todo.append((at, lambda: _compare(urls)))
    while todo:
        todo.sort(key=lambda t: t[0])
        at, act = todo.pop(0)
        time.sleep(max(0.0, began + at - time.time()))
        act()
    time.sleep(max(0.0, began + _LAST - time.time()))


def _post(urls: tuple[str, str], began: float, at: float) -> None:
    """All alerts of one moment in one request."""
    made = [
        _alert(each.name, began, act)
        for each in SCENARIOS
        for act in each.acts
        if isinstance(act, Fire) and act.at == at
    ]
    for url in urls if made else ():
        requests.post(f"{url}/api/v2/alerts", json=made, timeout=5).raise_for_status()


def _alert(name: str, began: float, act: Fire) -> dict[str, Any]:
    starts = None if act.starts is None else round(began + act.starts, 3)
    ends = None if act.ends is None else round(began + act.ends, 3)
    made = {**alert({**act.labels, "sc": name}, ends, starts), "annotations": dict(act.notes)}
    return {**made, "generatorURL": act.url} if act.url else made


def _hush(urls: tuple[str, str], began: float, name: str, act: Hush, todo: list[Any]) -> None:
    matchers = [{"name": k, "value": v, "isRegex": False} for k, v in {"sc": name, **act.matchers}.items()]
    body = {
        "matchers": matchers, "startsAt": stamp(time.time()), "endsAt": stamp(round(began + act.ends, 3)),
        "createdBy": name, "comment": "c",
    }  # fmt: skip
    for url in urls:
        made = requests.post(f"{url}/api/v2/silences", json=body, timeout=5)
        made.raise_for_status()
        if act.drop:
            place = f"{url}/api/v2/silence/{made.json()['silenceID']}"
            todo.append((act.drop, lambda place=place: requests.delete(place, timeout=5).raise_for_status()))


def _difference(each: Scenario, mine: list[Any], yours: list[Any]) -> str:
    """'' when both hooks were told the same, in the same order for each group, at about the same time."""
    ours, theirs = _by_group(mine), _by_group(yours)
    if each.name == "timed_out":  # its end is when each took it, and a while
        for _, body in (*mine, *yours):
            for shown in body["alerts"]:
                shown["endsAt"] = shown["endsAt"][:4]
    if {k: [b for _, b in v] for k, v in ours.items()} != {k: [b for _, b in v] for k, v in theirs.items()}:
        return f"\n   ours: {_brief(mine)}\n theirs: {_brief(yours)}"
    gaps = [abs(a - b) for key, told in ours.items() for (a, _), (b, _) in zip(told, theirs[key], strict=True)]
    return f"told {max(gaps):.2f} s apart" if each.punctual and gaps and max(gaps) > _LATE else ""


def _by_group(told: list[tuple[float, dict[str, Any]]]) -> dict[str, list[tuple[float, Any]]]:
    found: dict[str, list[tuple[float, Any]]] = defaultdict(list)
    for at, body in told:
        found[body["groupKey"]].append((at, {k: v for k, v in body.items() if k not in _OWN}))
    return found


def _brief(told: list[tuple[float, dict[str, Any]]]) -> list[Any]:
    return [
        (
            round(at % 100, 2),
            b["groupKey"],
            [(a["labels"], a["status"], a["startsAt"], a["endsAt"]) for a in b["alerts"]],
        )
        for at, b in told
    ]


def _compare(urls: tuple[str, str]) -> None:
    """The lists say the same, and so do their filters."""
    for path in (
        "alerts", "alerts?active=false", "alerts?silenced=false&inhibited=false", "alerts?receiver=.*silence.*",
        'alerts?filter=n="b"&filter=sc=~".*o.*"', "alerts?filter=n!=", "alerts/groups", "alerts/groups?active=false",
        "alerts/groups?receiver=goes_on.*", "silences", 'silences?filter=n="b"', "receivers",
    ):  # fmt: skip
        mine, yours = (_plain(requests.get(f"{url}/api/v2/{path}", timeout=5).json(), path) for url in urls)
        assert mine == yours, path


def _plain(value: Any, path: str) -> Any:
    """Without what 0.25 lacks (mutes) and what is of the moment; silences in no order, as theirs have the same end."""
    if path.startswith("silences"):
        return sorted((s["createdBy"], s["status"], s["matchers"], s["comment"]) for s in value) if value else []
    if isinstance(value, list):  # two groups with the same labels and receiver stand in any order
        return [_plain(v, path) for v in value if not _tied(v)]
    if not isinstance(value, dict):
        return value
    skipped = ("updatedAt", "mutedBy", "id") if MINOR >= 34 else ("updatedAt", "mutedBy", "id", "routeLabels")
    made = {k: _plain(v, path) for k, v in value.items() if k not in skipped}
    if MINOR < 34 and path.startswith("receivers"):
        made.pop("labels", None)
    if "silencedBy" in made:
        made["silencedBy"] = len(made["silencedBy"])
    if made.get("labels", {}).get("sc") in ("muted", "inactive"):
        made.pop("status", None)
    if made.get("labels", {}).get("sc") == "timed_out":
        made.pop("endsAt", None)
    return made


def _tied(value: Any) -> bool:
    return isinstance(value, dict) and value.get("receiver", {}).get("name") in ("goes_on_to_the_same", "children")
