"""The commands, as a person types them, against the running process."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.alerts.conftest import DINGTALK, HOOK, config
from tests.alerts.robots import Robots
from tests.alerts.running import until


def settings(folder: Path, address: str) -> Path:
    """Settings whose operations API is the alerting process itself, which asks for no token."""
    for role in ("viewer", "operator"):
        file = folder / "var" / "tokens" / role
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("token\n")
    made = folder / "opsctl.yml"
    made.write_text(f"home: {folder}/var\nlisten: {{ops: '{address}'}}\n")
    return made


async def opsctl(file: Path, *words: str) -> tuple[int, str]:
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-m", "opsctl", *words, "--config", str(file)], capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


async def test_alerts_receivers_deliveries(robots: Robots, start: Any, tmp_path: Path) -> None:
    alerting = await start(config(robots, DINGTALK))
    file = settings(tmp_path, alerting.url.removeprefix("http://"))
    assert "no alerts" in (await opsctl(file, "alerts", "list"))[1]
    await asyncio.to_thread(alerting.fire, {"alertname": "Broken", "service": "orders", "severity": "critical"})
    await until(lambda: robots.taken)
    code, said = await opsctl(file, "alerts", "ack", "Broken", "--who", "刘洋", "-c", "looking")
    assert (code, "刘洋 已认领" in said) == (0, True)
    code, said = await opsctl(file, "alerts", "list", "--json")
    (shown,) = json.loads(said)
    assert (shown["ack"]["who"], shown["ack"]["via"]) == ("刘洋", "cli")
    code, said = await opsctl(file, "alerts", "show", shown["fingerprint"][:8])
    assert code == 0
    assert "all/dingtalk/0" in said
    assert (await opsctl(file, "alerts", "ack", "Broken", "--undo"))[0] == 0
    assert (await opsctl(file, "alerts", "show", "Brokn"))[0] == 1
    code, said = await opsctl(file, "receivers", "list")
    assert "dingtalk" in said
    code, said = await opsctl(file, "deliveries", "list")
    assert "firing Broken" in said
    code, said = await opsctl(file, "deliveries", "retry", "1")
    assert (code, "only a failed one" in said) == (1, True)


async def test_receivers_test_tells_the_truth(robots: Robots, start: Any, tmp_path: Path) -> None:
    alerting = await start(config(robots, f"{DINGTALK}\n{HOOK}"))
    file = settings(tmp_path, alerting.url.removeprefix("http://"))
    code, said = await opsctl(file, "receivers", "test", "all")
    assert code == 0, said
    assert "all/dingtalk/0: 已送达 sent" in said
    robots.answers["dingtalk"] = (300001, "token is not exist")
    code, said = await opsctl(file, "receivers", "test", "all", "--json")
    assert code == 1
    assert {d["integration"]: d["status"] for d in json.loads(said)} == {
        "all/dingtalk/0": "failed",
        "all/webhook/0": "sent",
    }


async def test_the_log_is_asked_by_receiver_channel_alert_and_a_failed_one_is_sent_again(
    robots: Robots, start: Any, tmp_path: Path
) -> None:
    alerting = await start(config(robots, f"{DINGTALK}\n{HOOK}"))
    file = settings(tmp_path, alerting.url.removeprefix("http://"))
    robots.answers["dingtalk"] = (300001, "token is not exist")
    await asyncio.to_thread(alerting.fire, {"alertname": "Broken", "instance": "h1"}, {"alertname": "Other"})
    await until(lambda: robots.refusals == [300001, 300001] and len(robots.webhooks) == 2)
    code, said = await opsctl(file, "deliveries", "list", "--channel", "dingtalk", "--alert", "Broken", "--json")
    (row,) = json.loads(said)
    assert (row["integration"], row["alerts"], row["status"]) == ("all/dingtalk/0", ["Broken"], "failed")
    code, said = await opsctl(file, "deliveries", "list", "--alert", row["firing"][0], "--json")
    assert {d["integration"] for d in json.loads(said)} == {"all/dingtalk/0", "all/webhook/0"}
    for words in (("--receiver", "nobody"), ("--channel", "ding_alk"), ("--alert", "Brok"), ("--before", "1")):
        assert json.loads((await opsctl(file, "deliveries", "list", *words, "--json"))[1]) == []
    code, said = await opsctl(file, "deliveries", "list", "--status", "failed")
    assert "失败 failed" in said
    code, said = await opsctl(file, "deliveries", "show", str(row["id"]))
    assert code == 0
    assert "token is not exist" in said
    assert "Broken@h1" in said
    code, said = await opsctl(file, "deliveries", "retry", str(row["id"]))
    assert (code, "失败 failed" in said) == (1, True), said
    robots.answers.clear()
    code, said = await opsctl(file, "deliveries", "retry", str(row["id"]))
    assert (code, "已送达 sent" in said) == (0, True)
    assert "Broken" in robots.taken[0].text
    assert (await opsctl(file, "deliveries", "show", "999"))[0] == 1
    assert (await opsctl(file, "deliveries", "list", "--status", "snet"))[0] == 2
