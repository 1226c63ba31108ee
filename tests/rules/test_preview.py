"""`opsctl rules eval`: what would fire, replayed in memory, and asked of running servers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from opsctl.core.errors import UsageError
from opsctl.model.series import Series
from opsctl.promql import Matrix, PromqlError, Vector, evaluate_instant, evaluate_range
from opsctl.rules import check_text
from opsctl.rules.preview import Foreseen, preview_group
from tests.api import running
from tests.promql.memory import Memory
from tests.rules.promtool import opsctl
from tests.servers import need, wait_for


class Local:
    """An engine over series in memory; refuses as a server does."""

    def __init__(self, *lines: str) -> None:
        self._store = Memory(*lines)

    def instant(self, expr: str, at_ms: int) -> Vector:
        found = evaluate_instant(expr, self._store, at_ms)
        assert isinstance(found, Vector)
        return found

    def over(self, expr: str, start_ms: int, end_ms: int, step_ms: int) -> Sequence[Series]:
        try:
            found = evaluate_range(expr, self._store, start_ms, end_ms, step_ms)
        except PromqlError as error:
            raise UsageError(error.message) from error
        assert isinstance(found, Matrix)
        return found.series


def seen(rules: str, at: float, *lines: str) -> Foreseen:
    group = check_text("groups:\n- name: g\n  interval: 1m\n" + rules, "r.yml").groups[0]
    return preview_group(group, Local(*lines), at)[0]


DOWN = "  rules:\n  - {alert: Down, expr: up == 0, for: 3m}\n"


@pytest.mark.parametrize(
    ("values", "state", "since", "or_earlier"),
    [
        ("1x9 0", "pending", 600.0, False),
        ("1x7 0 0 0", "pending", 480.0, False),
        ("1x6 0 0 0 0", "firing", 420.0, False),
        ("0x10", "firing", 360.0, True),
        ("0x8 1 0", "pending", 600.0, False),
        ("0x9 1", "inactive", None, None),
    ],
)
def test_an_alert_fires_when_it_has_held_for_long_enough(
    values: str, state: str, since: float | None, or_earlier: bool | None
) -> None:
    found = seen(DOWN, 600.0, f'up{{job="a"}} {values}')
    assert found.state == state
    assert [alert.active_at for alert in found.alerts] == ([] if since is None else [since])
    assert [alert.active_at == found.looked_from for alert in found.alerts] == (
        [] if or_earlier is None else [or_earlier]
    )


def test_an_alert_is_kept_firing() -> None:
    kept = "  rules:\n  - {alert: Down, expr: up == 0, for: 2m, keep_firing_for: 3m}\n"
    assert seen(kept, 600.0, "up 0x8 1 1").state == "firing"
    assert seen(kept, 600.0, "up 0x6 1 1 1 1").state == "inactive"


def test_words_are_rendered_with_the_value_of_now() -> None:
    rules = (
        "  rules:\n  - alert: Hot\n    expr: heat > 5\n    for: 1m\n    labels: {kind: '{{ $labels.job | toUpper }}'}\n"
        "    annotations: {said: '{{ $value }} of {{ query \"heat\" | first | value }}'}\n"
    )
    [alert] = seen(rules, 120.0, 'heat{job="a"} 6 7 8').alerts
    assert dict(alert.labels) == {"alertname": "Hot", "job": "a", "kind": "A"}
    assert dict(alert.annotations) == {"said": "8 of 8"}


def test_recording_rules_show_what_they_would_write() -> None:
    found = seen("  rules:\n  - {record: twice, expr: m * 2, labels: {a: b}}\n", 60.0, "m 1 2")
    assert [(str(labels), value) for labels, value in found.recorded] == [('twice{a="b"}', 4.0)]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ("  limit: 1\n  rules:\n  - {alert: A, expr: m}\n", "exceeded limit of 1 with 2 alerts"),
        ("  rules:\n  - {alert: A, expr: m, labels: {i: x}}\n", "same labelset after applying alert labels"),
        ("  rules:\n  - {record: r, expr: m, labels: {i: x}}\n", "same labelset after applying rule labels"),
        ("  rules:\n  - {alert: A, expr: m * on() m}\n", "found duplicate series"),
    ],
)
def test_an_error_belongs_to_its_rule(rules: str, message: str) -> None:
    found = seen(rules, 0.0, 'm{i="1"} 1', 'm{i="2"} 1')
    assert found.state == "error"
    assert message in found.error


def test_query_offset_looks_back() -> None:
    rules = "  query_offset: 2m\n  rules:\n  - {alert: A, expr: m == 1}\n"
    assert seen(rules, 300.0, "m 0 0 0 1 0 0").state == "firing"
    assert seen(rules, 240.0, "m 0 0 0 1 0 0").state == "inactive"


def test_a_week_of_holding_is_asked_in_steps_that_a_server_allows() -> None:
    group = check_text("groups:\n- name: g\n  interval: 1s\n  rules:\n  - {alert: A, expr: m, for: 7d}\n", "r").groups[
        0
    ]
    asked = []

    class Counting(Local):
        def over(self, expr: str, start_ms: int, end_ms: int, step_ms: int) -> Sequence[Series]:
            asked.append((end_ms - start_ms) / step_ms)
            return []

    preview_group(group, Counting(), 1_000_000.0)
    assert len(asked) == 1
    assert asked[0] <= 11_000


CONFIG = """
global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}
scrape_configs:
- job_name: one
  static_configs: [{{targets: ['{address}']}}]
"""
RULES = """
groups:
- name: g
  interval: 1s
  rules:
  - {alert: Hot, expr: heat > 5, for: 2s, annotations: {said: '{{ $value }} °'}}
  - {alert: Cold, expr: heat < 5}
  - {record: heat:double, expr: heat * 2}
"""


@pytest.fixture(scope="module", params=["opsctl", "prometheus"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[running.Server]:
    if request.param == "prometheus":
        need("prometheus")
    folder = tmp_path_factory.mktemp("eval")
    target = running.Target()
    target.text = "heat 15\n"
    config = folder / "prometheus.yml"
    config.write_text(CONFIG.format(address=target.address))
    with ExitStack() as stack:
        stack.callback(target.close)
        made = stack.enter_context(getattr(running, request.param)(folder / "data", config))
        wait_for(lambda: (made.value("count_over_time(heat[1m])") or 0) > 25, 30, "some samples")
        yield made


def test_the_command_asks_a_running_server(server: running.Server, tmp_path: Path) -> None:
    (tmp_path / "r.yml").write_text(RULES)
    told = opsctl("rules", "eval", "r.yml", "--url", server.url, "--json", cwd=tmp_path)
    assert told.returncode == 1, told.stderr
    hot, cold, double = json.loads(told.stdout)["groups"][0]["rules"]
    assert (hot["state"], cold["state"], double["state"]) == ("firing", "inactive", "recorded")
    assert hot["alerts"][0]["annotations"] == {"said": "15 °"}
    assert double["samples"][0]["value"] == "30"
    shown = opsctl("rules", "eval", "r.yml", "--url", server.url, cwd=tmp_path)
    assert shown.stdout.splitlines()[-1] == "3 rules, 1 firing"
    before = opsctl("rules", "eval", "r.yml", "--url", server.url, "--at", str(time.time() - 3600), cwd=tmp_path)
    assert (before.returncode, before.stdout.splitlines()[-1]) == (0, "3 rules, 0 firing")


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["r.yml", "--at", "yesterday"], 2, "--at"),
        (["r.yml", "--interval", "0"], 2, "--interval"),
        (["none.yml"], 2, "none.yml"),
        (["r.yml", "--url", "http://127.0.0.1:9"], 3, "does not answer"),
    ],
)
def test_what_cannot_be_asked_is_neither_0_nor_1(args: list[str], code: int, message: str, tmp_path: Path) -> None:
    (tmp_path / "r.yml").write_text(RULES)
    told = opsctl("rules", "eval", *args, cwd=tmp_path)
    assert told.returncode == code
    assert message in told.stderr
