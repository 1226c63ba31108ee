"""What prometheus.yml, the flags and opsctl.yml say of the store reaches it in the running process."""

from __future__ import annotations

import time
from pathlib import Path

import requests

from opsctl.metrics.remote_protocol import encoded_instant, packed
from opsctl.model.labels import Labels
from tests.api.running import Server, opsctl

HEADERS = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"}


def write(server: Server, at: float, *names: str) -> requests.Response:
    labels = [Labels({"__name__": name, "job": "j", "instance": "i"}) for name in names]
    body = packed(encoded_instant(labels, round(at * 1000), [1.0] * len(names)))
    return requests.post(f"{server.url}/api/v1/write", data=body, headers=HEADERS, timeout=20)


def test_a_late_sample_is_taken_when_prometheus_yml_says_so(tmp_path: Path) -> None:
    config = tmp_path / "prometheus.yml"
    config.write_text("global: {scrape_interval: 1h}\n")
    now = time.time() - 30
    with opsctl(tmp_path / "data", config, "--web.enable-remote-write-receiver") as server:
        assert write(server, now, "a").status_code == 204
        refused = write(server, now - 60, "a")
        assert (refused.status_code, refused.text.strip()) == (400, "out of order sample")
        config.write_text("global: {scrape_interval: 1h}\nstorage: {tsdb: {out_of_order_time_window: 3h}}\n")
        assert requests.post(f"{server.url}/-/reload", timeout=20).status_code == 200
        assert write(server, now - 60, "a").status_code == 204
        assert write(server, now - 2 * 3600, "a").status_code == 204
        assert write(server, now - 4 * 3600, "a").status_code == 400
        (found,) = server.data("query", query="a[5h]", time=now)["result"]
        assert [round(now - t) for t, _ in found["values"]] == [7200, 60, 0]


def test_limits_of_opsctl_yml_and_a_size(tmp_path: Path) -> None:
    (tmp_path / "opsctl.yml").write_text("metrics: {max_series_per_target: 2}\n")
    config = tmp_path / "prometheus.yml"
    config.write_text("global: {scrape_interval: 1h}\n")
    flags = (
        "--web.enable-remote-write-receiver",
        f"--config={tmp_path}/opsctl.yml",
        "--storage.tsdb.retention.size=5GB",
    )
    with opsctl(tmp_path / "data", config, *flags) as server:
        assert server.data("status/flags")["storage.tsdb.retention.size"] == "5GB"
        now = time.time()
        refused = write(server, now, "a", "b", "c")
        assert (refused.status_code, refused.text.strip()) == (400, "series limit exceeded")
        assert write(server, now + 1, "a", "b").status_code == 204
        assert "opsctl_tsdb_over_limit_samples_total 1.0" in server.get("/metrics").text
