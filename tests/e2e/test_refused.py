"""A mistake in any document is named with file, line and the nearest right name; the last good one stays in force."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.e2e.stack import Stack, make
from tests.servers import wait_for


@dataclass(frozen=True)
class Mistake:
    """`right` in `file` written as `wrong`; `said` is what a person is told, `told_by` who refuses at reload."""

    file: str
    right: str
    wrong: str
    said: str
    told_by: str = ""

    def line(self, text: str) -> int:
        return (text[: text.index(self.right)] + self.right).count("\n") + 1


MISTAKES = (
    Mistake(
        "opsctl.yml", "external_url:", "external_urll:", "external_urll: unknown key (did you mean 'external_url'?)"
    ),
    Mistake(
        "deploy/local/prometheus.yml", "\n  evaluation_interval:", "\n  evaluation_intervall:",
        "did you mean 'evaluation_interval'?", "metrics",
    ),
    Mistake(
        "alert_rules/booking.yml", "\n        for:", "\n        four:", "did you mean 'for'?", "metrics"
    ),
    Mistake(
        "alert_rules/services.yml", 'expr: up{job="booking"} == 0', 'expr: upp({job="booking"}) == 0', "upp", "metrics"
    ),
    Mistake(
        "alert_rules/shell.yml", "summary: 采集跟不上", "summary: '{{ $labels.job ' #", "summary", "metrics"
    ),
    Mistake("deploy/local/alertmanager.yml", "group_wait:", "group_wayt:", "did you mean 'group_wait'?", "alerting"),
    Mistake(
        "deploy/local/alertmanager.yml", "receiver: heartbeat", "receiver: heartbeet", "did you mean 'heartbeat'?",
        "alerting",
    ),
    Mistake("deploy/local/oncall.yml", "ack_timeout:", "ack_timeut:", "did you mean 'ack_timeout'?", "alerting"),
    Mistake("runbooks/storage-filling.yml", "action: task_preview", "action: task_previw", "task_preview", "ops"),
    Mistake("runbooks/storage-filling.yml", "steps.used.value is none", "steps.usd.value is none", "used", "ops"),
    Mistake("runbooks/gameday/payment-outage.yml", "\nalert:", "\nalerrt:", "did you mean 'alert'?"),
    Mistake("deploy/local/booking.yml", "\ntasks:", "\ntaskks:", "did you mean 'tasks'?"),
    Mistake("deploy/local/booking-figures.yml", "\n  help:", "\n  hellp:", "did you mean 'help'?"),
    Mistake("deploy/local/booking-checks.yml", "\n    newest:", "\n    newst:", "did you mean 'newest'?"),
    Mistake("deploy/local/backup.yml", "keep_last:", "keep_lst:", "did you mean 'keep_last'?"),
)  # fmt: skip


@contextmanager
def made(stack: Stack, mistake: Mistake) -> Iterator[str]:
    """The mistake stands in the file until the block ends; gives FILE:LINE."""
    path = stack.folder / mistake.file
    text = path.read_text()
    path.write_text(text.replace(mistake.right, mistake.wrong, 1))
    try:
        yield f"{path}:{mistake.line(text)}"
    finally:
        path.write_text(text)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: f"{Path(m.file).name} {m.wrong.strip()}")
def test_a_mistake_is_named_and_changes_nothing(stack: Stack, mistake: Mistake) -> None:
    before = _in_force(stack)
    with made(stack, mistake) as place:
        checked = stack.opsctl("config", "check")
        assert checked.returncode == 2, checked.stdout
        assert place in checked.stderr
        assert mistake.said in checked.stderr
        assert "Traceback" not in checked.stderr
        if mistake.told_by:
            reload = stack.opsctl("reload")
            assert reload.returncode == 1
            said = next(line for line in reload.stdout.splitlines() if line.startswith(mistake.told_by))
            assert place in said
            assert mistake.said in said
        assert _in_force(stack) == before


def test_a_refused_file_is_an_alert_of_its_own(stack: Stack) -> None:
    with made(stack, MISTAKES[5]):
        assert stack.opsctl("reload").returncode == 1
        wait_for(lambda: _fires(stack, "ConfigurationReloadFailed"), 40, "ConfigurationReloadFailed")
    assert stack.opsctl("config", "check").returncode == 0
    assert stack.opsctl("reload").returncode == 0
    wait_for(lambda: not _fires(stack, "ConfigurationReloadFailed"), 40, "its end")


def test_a_taken_port_is_named_with_the_setting_that_moves_it(tmp_path: Path) -> None:
    stack = make(tmp_path / "product")
    for port, said in (
        (8400, f"move ours with listen.ops in {stack.folder / 'opsctl.yml'}"),
        (8614, "`listen` of orders in deploy/local/booking.yml"),
    ):
        with socket.socket() as thief:
            thief.bind(("127.0.0.1", stack.port(port)))
            thief.listen()
            up = stack.opsctl("up")
        assert up.returncode == 3, up.stdout + up.stderr
        assert f"127.0.0.1:{stack.port(port)} is taken by" in up.stderr
        assert said in up.stderr
    assert not (stack.home / "run" / "supervisord.pid").exists()


def test_settings_with_a_mistake_start_nothing(tmp_path: Path) -> None:
    stack = make(tmp_path / "product")
    with made(stack, MISTAKES[0]) as place:
        up = stack.opsctl("up")
    assert up.returncode == 2
    assert place in up.stderr
    assert not stack.home.exists()


def _in_force(stack: Stack) -> tuple[object, ...]:
    """What the processes go by: rules, routes, runbooks."""
    rules = requests.get(f"{stack.url(8401)}/api/v1/rules", timeout=10).json()["data"]["groups"]
    routes = requests.get(f"{stack.url(8402)}/api/v2/status", timeout=10).json()["config"]["original"]
    books = requests.get(f"{stack.url(8400)}/api/opsctl/v1/runbook/books", headers=stack.as_role("viewer"), timeout=10)
    named = [(g["name"], [(r["name"], r["query"], r.get("duration")) for r in g["rules"]]) for g in rules]
    return named, routes, books.json()


def _fires(stack: Stack, name: str) -> bool:
    return any(a["labels"]["alertname"] == name for a in stack.json("alerts", "list"))
