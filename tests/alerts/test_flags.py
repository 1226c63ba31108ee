"""The flags of a drop-in: both ways to write them, those taken for their names' sake, those refused by name."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from opsctl.cli.alertmanager_flags import other_flags
from opsctl.core.errors import UsageError
from tests.alerts.conftest import HOOK, config
from tests.alerts.robots import Robots
from tests.alerts.running import alert, until


def test_the_flags_of_the_cluster_are_kept() -> None:
    found = other_flags([
        "--cluster.listen-address", "127.0.0.1:1", "--cluster.peer=a:1", "--cluster.peer", "b:2",
        "--cluster.settle-timeout=0s", "--auto-gomemlimit.ratio", "0.5", "--no-web.systemd-socket",
        "--log.silences", "--alerts.per-alertname-limit=0",
        "--cluster.allow-insecure-public-advertise-address-discovery",
    ])  # fmt: skip
    assert found["listen-address"] == ("127.0.0.1:1",)
    assert found["peer"] == ("a:1", "b:2")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--cluster.pear=a"], "cluster.peer"),
        (["--alerts.per-alertname-limit", "5"], "too many"),
        (["--cluster.peer"], "needs a value"),
        (["word"], "unexpected word"),
        (["--web.systemd-socket"], "listen"),
    ],
)
def test_other_flags_are_refused_by_name(flags: list[str], said: str) -> None:
    with pytest.raises(UsageError) as found:
        other_flags(flags)
    assert said in f"{found.value.message} {found.value.hint}"


def test_the_version_is_said() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "opsctl", "alertmanager", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("alertmanager, version 0.34.0 ")


async def test_under_a_prefix_with_limits(robots: Robots, start: Any) -> None:
    running = await start(
        config(robots, HOOK), "--web.external-url=http://example.com/am/", "--silences.max-silences=1",
        "--cluster.listen-address=", "--log.format", "json", "--web.timeout", "10s", "--web.get-concurrency=4",
        "--data.maintenance-interval=1h",
    )  # fmt: skip
    (line,) = [x for x in running.lines if "Listening on" in x]
    address = json.loads(line)["address"]

    def play() -> None:
        base = f"http://{address}/am"
        assert requests.get(f"http://{address}/", timeout=5, allow_redirects=False).headers["location"] == "/am"
        assert requests.get(f"http://{address}/api/v2/status", timeout=5).status_code == 404
        status = requests.get(f"{base}/api/v2/status", timeout=5).json()
        assert status["cluster"] == {"status": "disabled", "peers": []}
        silence = {"matchers": [{"name": "a", "value": "b", "isRegex": False}], "startsAt": "2020-01-01T00:00:00Z",
                   "endsAt": "2099-01-01T00:00:00Z", "createdBy": "t", "comment": "c"}  # fmt: skip
        assert requests.post(f"{base}/api/v2/silences", json=silence, timeout=5).status_code == 200
        assert "exceeded maximum" in requests.post(f"{base}/api/v2/silences", json=silence, timeout=5).text
        answer = requests.get(f"{base}/api/v2/nothing", timeout=5)
        assert answer.json() == {"code": 404, "message": "path /am/api/v2/nothing was not found"}
        preflight = {"Origin": "http://x", "Access-Control-Request-Method": "POST"}
        answer = requests.options(f"{base}/api/v2/alerts", headers=preflight, timeout=5)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (204, "*")
        page = requests.get(f"{base}/metrics", timeout=5).text
        assert (
            'alertmanager_http_request_duration_seconds_count{code="400",handler="/silences",method="post"} 1.0' in page
        )
        assert "alertmanager_cluster_enabled 0.0" in page

    await asyncio.to_thread(play)


async def test_classic_mode_takes_classic_names_only(robots: Robots, start: Any) -> None:
    running = await start(config(robots, HOOK), "--enable-feature", "classic-mode")

    def play() -> None:
        refused = running.post("/api/v2/alerts", [alert({"a": "b", "Σ": "c"})])
        assert (refused.status_code, refused.json()) == (400, 'invalid label set: invalid name "Σ"')
        matcher = {"name": "fooΣ", "value": "bar", "isRegex": False, "isEqual": True}
        silence = {"matchers": [matcher], "startsAt": "2020-01-01T00:00:00Z", "endsAt": "2099-01-01T00:00:00Z",
                   "createdBy": "t", "comment": "c"}  # fmt: skip
        said = running.post("/api/v2/silences", silence)
        assert (said.status_code, said.json()) == (
            400,
            'invalid silence: invalid label matcher 0 in set 0: invalid label name "fooΣ"',
        )
        assert requests.get(f"{running.url}/api/v2/alerts?filter=Σ=c", timeout=5).status_code == 400

    await asyncio.to_thread(play)


async def test_nothing_is_told_before_the_start_delay(robots: Robots, start: Any, tmp_path: Path) -> None:
    began = time.time()
    running = await start(config(robots, HOOK, group_wait="0s"), "--dispatch.start-delay=3s")
    await asyncio.to_thread(running.fire, {"alertname": "A"})
    await until(lambda: robots.webhooks, 10)
    assert robots.webhooks[0]["at"] > began + 2.9
