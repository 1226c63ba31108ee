"""From an empty folder to a message on a phone, without the booking platform: what README's second path says."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from opsctl.core.document import read
from opsctl.scaffold.write import plan
from platform_app.setup import prepare
from tests.e2e.stack import ROOT, Stack, free_ports
from tests.servers import http_ok, wait_for

RULE = """\
groups:
  - name: mine
    rules:
      - alert: MyFirstRule
        expr: node_memory_MemTotal_bytes > 0
        labels: {severity: warning, team: me, service: host}
        annotations: {summary: "第一条规则 / my first rule", description: "这台机器有内存 / this host has memory"}
"""


@dataclass(frozen=True)
class Phone:
    """DingTalk's side of the sandbox, as a process of its own, and what arrived."""

    url: str
    secrets: Path

    def messages(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = requests.get(f"{self.url}/api/wall", timeout=5).json()["messages"]
        return found


@pytest.fixture
def phone(tmp_path: Path) -> Iterator[Phone]:
    home, ports = tmp_path / "chat", iter(free_ports(30))
    home.mkdir()
    text = (ROOT / "deploy/local/platform.yml").read_text()
    source = tmp_path / "platform.yml"
    source.write_text(re.sub(r"(?<=127\.0\.0\.1:)\d+", lambda _: str(next(ports)), text))
    config = prepare(home / "booking" / "config", source, home, with_seed=False)
    environment = {**os.environ, "PLATFORM_CONFIG": str(home / "booking" / "config")}
    process = subprocess.Popen([sys.executable, "-m", "platform_app.sandbox"], env=environment)
    made = Phone(f"http://{config.sandbox.listen}", home / "booking" / "secrets")
    try:
        wait_for(lambda: http_ok(f"{made.url}/healthz"), 20, "the chat company")
        yield made
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Stack]:
    """`opsctl init` in an empty folder, on free ports: the one thing a user with a free machine need not do."""
    folder = tmp_path / "my-ops"
    here = Stack(tmp_path, {})
    done = here.opsctl("init", "my-ops")
    assert done.returncode == 0, done.stderr
    again = here.opsctl("init", "my-ops")
    assert again.returncode == 1
    assert "exists" in again.stderr
    ports = dict(zip(("8400", "8401", "8402", "8501"), free_ports(4), strict=True))
    for file in (folder / "opsctl.yml", folder / "prometheus.yml"):
        text = re.sub(r"(?<=127\.0\.0\.1:)(8400|8401|8402|8501)", lambda m: str(ports[m[1]]), file.read_text())
        file.write_text(text)
    made = Stack(folder, ports)
    try:
        yield made
    finally:
        made.opsctl("down")


def _paste_secrets(own: Stack, phone: Phone) -> None:
    for name in ("dingtalk_token", "dingtalk_secret"):
        (own.folder / "secrets" / name).write_text((phone.secrets / name).read_text() + "\n")
    file = own.folder / "alertmanager.yml"
    text = file.read_text().replace("# api_url: https://oapi.dingtalk.com", f"api_url: {phone.url}")
    file.write_text(text.replace("group_wait: 10s", "group_wait: 1s"))


def test_from_an_empty_folder_to_a_message(own: Stack, phone: Phone) -> None:
    assert (own.folder / "secrets").stat().st_mode & 0o777 == 0o700
    _paste_secrets(own, phone)
    (own.folder / "rules" / "mine.yml").write_text(RULE)
    prometheus = own.folder / "prometheus.yml"
    prometheus.write_text(prometheus.read_text().replace("15s", "2s"))
    checked = own.opsctl("config", "check")
    assert checked.returncode == 0, checked.stderr
    up = own.opsctl("up")
    assert up.returncode == 0, up.stdout + up.stderr
    assert "payment-outage" not in up.stdout
    assert requests.get(own.url(8501), timeout=10).ok

    sent = own.opsctl("receivers", "test", "robot")
    assert sent.returncode == 0, sent.stdout + sent.stderr
    tests = [m for m in phone.messages() if "测试" in m["text"] + m["title"]]
    assert len(tests) == 1
    assert "测试消息 TEST · robot" in tests[0]["text"]

    wait_for(lambda: _alerts(phone), 30, "the alert of a rule of one's own")
    time.sleep(5)  # long enough for a second copy, were there one
    assert len(_alerts(phone)) == 1
    assert "第一条规则" in _alerts(phone)[0]["text"]
    assert len(phone.messages()) == 2

    assert own.opsctl("targets", "list").returncode == 0
    hosts = own.json("query", "node_boot_time_seconds")["result"]
    assert [h["metric"]["instance"] for h in hosts] == [socket.gethostname()]
    assert own.json("status")["ok"]
    stopped = own.opsctl("down")
    assert stopped.returncode == 0, stopped.stderr
    with pytest.raises(requests.ConnectionError):
        requests.get(own.url(8400), timeout=2)


def _alerts(phone: Phone) -> list[dict[str, Any]]:
    return [m for m in phone.messages() if "MyFirstRule" in m["text"] + m["title"]]


@pytest.mark.parametrize("host", ["123456789012", "12e456789012", "on", "web-1.example.com"])
def test_a_host_name_that_yaml_takes_for_something_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, host: str
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    for path, text in plan(tmp_path / "made").items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert list(read(tmp_path / "made" / "opsctl.yml").data["systems"]) == [host]
    done = Stack(tmp_path / "made", {}).opsctl("config", "check")
    assert done.returncode == 0, done.stderr
