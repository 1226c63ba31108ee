"""Documents of the tests' own, added to a running product the way a user adds them: written, then `opsctl reload`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import yaml

from tests.alerts.robots import SECRET, TOKEN
from tests.e2e.outside import TARGETS, Outside
from tests.e2e.stack import Stack

RULES = """\
groups:
  - name: e2e
    interval: 1s
    rules:
      - record: e2e:scrapes:sum
        expr: sum(e2e_scrapes)
      - alert: E2EAlways
        expr: e2e:scrapes:sum > 0
        for: 3s
        labels: {severity: warning, team: e2e, service: e2e-PORT}
        annotations: {summary: the tests' own rule}
"""
RUNBOOK = """\
name: e2e-slow
title: {zh: 慢任务, en: A slow task}
description: {zh: 测试用, en: for the tests}
parameters:
  line: {type: string, description: {zh: 写什么, en: what to write}}
steps:
  - {id: first, title: {zh: 一, en: One}, kind: action, action: task, with: {task: e2e-note}}
  - {id: slow, title: {zh: 二, en: Two}, kind: action, action: task, with: {task: e2e-slow}, timeout: 60s}
"""


@contextmanager
def armed(stack: Stack, outside: Outside) -> Iterator[None]:
    """The product with targets, rule, receiver and runbook of the tests, until the block ends."""
    prometheus = stack.folder / "deploy/local/prometheus.yml"
    alertmanager = stack.folder / "deploy/local/alertmanager.yml"
    kept = {path: path.read_text() for path in (prometheus, alertmanager)}
    rules = RULES.replace("PORT", str(outside.port))  # another group each time: what was told once is not told again
    added = {stack.folder / "alert_rules/e2e.yml": rules, stack.folder / "runbooks/e2e-slow.yml": RUNBOOK}
    texts = {prometheus: _scraped(kept[prometheus], outside), alertmanager: _routed(kept[alertmanager], outside)}
    for path, text in {**texts, **added}.items():
        path.write_text(text)
    try:
        _reload(stack)
        yield
    finally:
        for path, text in kept.items():
            path.write_text(text)
        for path in added:
            path.unlink()
        _reload(stack)


def _reload(stack: Stack) -> None:
    done = stack.opsctl("reload")
    assert done.returncode == 0, done.stdout + done.stderr


def _scraped(text: str, outside: Outside) -> str:
    document = yaml.safe_load(text)
    document["scrape_configs"] += [
        {
            "job_name": f"e2e-{n}", "scrape_interval": "1s", "scrape_timeout": "1s", "params": {"target": [str(n)]},
            "static_configs": [{"targets": [f"127.0.0.1:{outside.port}"], "labels": {"target": str(n)}}],
        }
        for n in range(TARGETS)
    ]  # fmt: skip
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False)


def _routed(text: str, outside: Outside) -> str:
    document = yaml.safe_load(text)
    document["route"]["routes"].insert(0, {"matchers": ['team="e2e"'], "receiver": "e2e", "group_wait": "0s"})
    robot = {"api_url": outside.robots.url, "access_token": TOKEN, "secret": SECRET, "rate_per_minute": 10_000}
    document["receivers"].append({"name": "e2e", "dingtalk_configs": [robot]})
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
