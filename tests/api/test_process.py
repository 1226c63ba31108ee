"""opsctl prometheus as a process: restart, kill -9, reload, collectors, its own metrics."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.api.running import Target, opsctl
from tests.servers import wait_for

CONFIG = """
global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}
scrape_configs:
  - job_name: one
    static_configs: [{{targets: ['{address}']}}]
"""


@pytest.fixture
def target() -> Iterator[Target]:
    made = Target()
    made.text = "a 1\n"
    yield made
    made.close()


def write(folder: Path, target: Target) -> Path:
    path = folder / "prometheus.yml"
    path.write_text(CONFIG.format(address=target.address))
    return path


def test_ready_soon_and_samples_survive_kill_9(tmp_path: Path, target: Target) -> None:
    config = write(tmp_path, target)
    with opsctl(tmp_path / "data", config) as server:
        wait_for(lambda: (server.value("count_over_time(a[1m])") or 0) >= 5, 10, "samples")
        before = server.data("query", query="a[1m]")["result"][0]["values"]
        server.process.send_signal(signal.SIGKILL)
        server.process.wait(5)
    with opsctl(tmp_path / "data", config) as server:
        after = server.data("query", query="a[1m]")["result"][0]["values"]
        assert after[: len(before)] == before
        wait_for(lambda: (server.value("count_over_time(a[1m])") or 0) > len(after), 10, "more samples")


def test_a_bad_configuration_leaves_the_old_one_in_force(tmp_path: Path, target: Target) -> None:
    config = write(tmp_path, target)
    good = config.read_text()
    with opsctl(tmp_path / "data", config) as server:
        config.write_text(good + "    static_confgs: []\n")
        answer = requests.post(f"{server.url}/-/reload", timeout=5)
        assert answer.status_code == 500
        said = f'failed to reload config: couldn\'t load configuration (--config.file="{config}"): '
        assert answer.text.startswith(said)
        assert "prometheus.yml:6: scrape_configs[0].static_confgs: unknown key (did you mean" in answer.text
        assert "prometheus_config_last_reload_successful 0.0" in server.get("/metrics").text
        assert "static_confgs" not in server.data("status/config")["yaml"]
        config.write_text(good.replace("job_name: one", "job_name: two"))
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: server.data("targets")["activeTargets"][0]["scrapePool"] == "two", 5, "reload")
        assert "prometheus_config_last_reload_successful 1.0" in server.get("/metrics").text
        wait_for(lambda: server.value('up{job="one"}') is None and server.value('up{job="two"}') == 1, 5, "stale")


def test_a_bad_configuration_at_start_is_one_line_and_exit_2(tmp_path: Path) -> None:
    config = tmp_path / "prometheus.yml"
    config.write_text("scrape_configs:\n  - job_nam: x\n")
    done = _run(f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'd'}", "--web.listen-address=127.0.0.1:0")
    assert done.returncode == 2
    assert "prometheus.yml:2: scrape_configs[0].job_nam: unknown key (did you mean 'job_name'?)" in done.stderr


def test_a_taken_port_and_a_taken_folder_are_named(tmp_path: Path, target: Target) -> None:
    config = write(tmp_path, target)
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        address = f"127.0.0.1:{holder.getsockname()[1]}"
        done = _run(
            f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'd'}", f"--web.listen-address={address}"
        )
    assert done.returncode == 3
    assert "--web.listen-address" in done.stderr
    with opsctl(tmp_path / "data", config):
        done = _run(
            f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}", "--web.listen-address=127.0.0.1:0"
        )
    assert done.returncode == 1
    assert "in use by another process" in done.stderr


def _run(*flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "opsctl", "prometheus", *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


def test_collectors_are_served_and_a_slow_one_holds_up_only_itself(tmp_path: Path, target: Target) -> None:
    with opsctl(tmp_path / "data", write(tmp_path, target)) as server, socket.socket() as silent:
        assert "node_cpu_seconds_total{" in server.get("/collectors/host").text
        probe = server.get("/collectors/probe", target=f"http://{target.address}/", module="http_2xx").text
        assert "\nprobe_success 1.0" in probe
        assert server.get("/collectors/nope").status_code == 404
        assert server.get("/collectors/probe").status_code == 400
        assert server.get("/collectors/database", name="x").status_code == 404
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        slow = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        began = time.monotonic()
        answer = requests.get(
            f"{server.url}/collectors/probe", params={"target": slow}, timeout=10,
            headers={"X-Prometheus-Scrape-Timeout-Seconds": "1"},
        )  # fmt: skip
        assert time.monotonic() - began < 3
        assert answer.status_code == 503 or "\nprobe_success 0.0" in answer.text
        assert server.get("/-/healthy").ok


def test_its_own_metrics_have_prometheus_names(tmp_path: Path, target: Target) -> None:
    with opsctl(tmp_path / "data", write(tmp_path, target)) as server:
        wait_for(lambda: server.value("a") == 1, 10, "a sample")
        text = server.get("/metrics").text
    for name in (
        "prometheus_tsdb_head_series ", "prometheus_tsdb_head_samples_appended_total ", "process_cpu_seconds_total ",
        'prometheus_target_scrape_pool_targets{scrape_job="one"} 1.0', "prometheus_notifications_queue_capacity ",
        'prometheus_http_requests_total{code="200",handler="/api/v1/query"}',
    ):  # fmt: skip
        assert f"\n{name}" in text, name


def test_any_input_is_answered_with_a_4xx(tmp_path: Path, target: Target) -> None:
    with opsctl(tmp_path / "data", write(tmp_path, target)) as server:
        for path, params in (
            ("query", {"query": "\x00" * 10}), ("query", {"query": "(" * 5000}), ("query", {"query": "a" * 100_000}),
            ("query", {"query": "up", "time": "1e400"}), ("query", {"query": "up", "time": "2015-13-99T00:00:00Z"}),
            ("query_range", {"query": "up", "start": "-1e15", "end": "1e15", "step": "1e14"}),
            ("series", {"match[]": "sum(up)"}), ("series", {"match[]": "up", "limit": "9" * 30}),
            ("label/%FF/values", {"match[]": "{"}), ("query", {"query": 'up{a=~"("}'}),
        ):  # fmt: skip
            status = requests.get(f"{server.url}/api/v1/{path}", params=params, timeout=20).status_code
            assert status < 500, (path, str(params)[:80], status)


def test_query_and_targets_at_a_terminal(tmp_path: Path, target: Target) -> None:
    with opsctl(tmp_path / "data", write(tmp_path, target)) as server:
        wait_for(lambda: (server.value("count_over_time(a[1m])") or 0) >= 3, 10, "samples")
        cases = (
            (("query", "a"), 0, 'job="one"'), (("query", "a", "--range", "10s", "--step", "1s"), 0, "▁"),
            (("query", "a", "--range", "10s", "--plot"), 0, "┤"), (("query", "a", "--plot"), 0, 'a{instance='),
            (("query", "nope", "--plot"), 1, "没有结果"), (("query", "nope"), 1, "没有结果"), (("query", "1 +"), 2, "parse error"), (("targets", "list"), 0, "up"),
            (("query", "a", "--json"), 0, '"resultType": "vector"'),
        )  # fmt: skip
        for arguments, code, said in cases:
            command = [sys.executable, "-m", "opsctl", *arguments, "--url", server.url]
            done = subprocess.run(command, capture_output=True, text=True, timeout=30)
            assert (done.returncode, said in done.stdout + done.stderr) == (code, True), done
    done = subprocess.run([*command[:3], "query", "a", "--url", server.url], capture_output=True, text=True, timeout=30)
    assert done.returncode == 3
