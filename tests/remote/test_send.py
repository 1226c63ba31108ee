"""remote_write of prometheus.yml: to Debian's Prometheus and to ourselves, through outages and kills."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from opsctl.core.errors import DocumentError
from opsctl.metrics.remote_protocol import Decoder
from opsctl.scrape.config import load_config
from tests.api.running import Server, Target, opsctl, prometheus
from tests.remote.support import RECEIVER, named, post
from tests.servers import free_port, wait_for


class Sink:
    """A receiver that answers what it is told to, and keeps the samples that it took."""

    def __init__(self, port: int = 0) -> None:
        self.status, self.headers, self.requests = 204, {}, 0
        self.said: dict[str, str] = {}
        self.samples: list[tuple[str, int, float]] = []
        outer: Sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                got = Decoder().decode(self.rfile.read(int(self.headers["Content-Length"])))
                outer.requests += 1
                outer.said = dict(self.headers)
                status, extra = outer.status, outer.headers
                if any(one.name == "poison" for one in got.labels):
                    status = 400
                if status == 204:
                    names = [got.labels[row].name for row in got.rows]
                    outer.samples += list(zip(names, got.times.tolist(), got.values.tolist(), strict=True))
                self.send_response(status)
                for name, value in extra.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/write"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def values(self, name: str) -> list[float]:
        return [value for one, _, value in self.samples if one == name]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _config(folder: Path, url: str, rest: str = "") -> Path:
    path = folder / "p.yml"
    path.write_text(
        "global: {scrape_interval: 200ms, external_labels: {site: here}}\n"
        f"remote_write: [{{url: '{url}', queue_config: {{batch_send_deadline: 100ms, max_backoff: 200ms, retry_on_http_429: true}}}}]\n{rest}"
    )
    return path


def _feed(server: Server, first: int, last: int, name: str = "counted") -> None:
    for i in range(first, last):
        assert post(server.url, named(name, (int(time.time() * 1000), float(i)))).status_code == 204
        time.sleep(0.002)


@contextmanager
def _sink(port: int = 0) -> Iterator[Sink]:
    sink = Sink(port)
    try:
        yield sink
    finally:
        sink.close()


@pytest.mark.parametrize("receiver", [prometheus, opsctl])
def test_what_is_scraped_arrives(tmp_path: Path, receiver: type[prometheus]) -> None:
    target, far = Target(), tmp_path / "far.yml"
    target.text = 'temperature{room="北"} 21.5\n'
    far.write_text("global: {scrape_interval: 1h}\n")
    job = f"scrape_configs: [{{job_name: one, static_configs: [{{targets: ['{target.address}']}}]}}]\n"
    with receiver(tmp_path / "far", far, RECEIVER) as there:
        config = _config(tmp_path, f"{there.url}/api/v1/write", job)
        with opsctl(tmp_path / "near", config) as here:
            wait_for(lambda: (there.value('count_over_time(temperature{site="here"}[5m])') or 0) >= 3, what="samples")
            target.text = ""
            wait_for(lambda: there.value("temperature") is None, what="the staleness marker")
            kept = here.data("query", query="temperature[5m]")["result"][0]["values"]
            page = here.get("/metrics").text
    target.close()
    assert "prometheus_remote_storage_samples_failed_total{" in page
    assert 'prometheus_remote_storage_shards{remote_name="' in page
    assert len(kept) >= 3


def test_an_outage_of_the_receiver_loses_nothing_and_keeps_the_order(tmp_path: Path) -> None:
    port = free_port()
    config = _config(tmp_path, f"http://127.0.0.1:{port}/write")
    with opsctl(tmp_path / "near", config, RECEIVER) as here:
        _feed(here, 0, 50)
        with _sink(port) as sink:
            wait_for(lambda: len(sink.values("counted")) >= 50, what="the backlog")
            sink.status = 503
            _feed(here, 50, 80)
            time.sleep(0.5)
            sink.status, sink.headers = 429, {"Retry-After": "1"}
            time.sleep(0.5)
            sink.status, sink.headers = 204, {}
            wait_for(lambda: len(sink.values("counted")) >= 80, what="the rest")
            assert sink.values("counted") == [float(i) for i in range(80)]


def test_kill_9_in_the_middle_is_at_least_once(tmp_path: Path) -> None:
    with _sink() as sink:
        config = _config(tmp_path, sink.url)
        for round_ in range(3):
            with opsctl(tmp_path / "near", config, RECEIVER) as here:
                _feed(here, 100 * round_, 100 * round_ + 100)
                here.process.kill()
                here.process.wait()
        with opsctl(tmp_path / "near", config, RECEIVER):
            wait_for(lambda: len(set(sink.values("counted"))) == 300, what="all samples")
        seen = list(dict.fromkeys(sink.values("counted")))
        assert seen == [float(i) for i in range(300)], "nothing lost, first arrivals in order"


def test_a_refused_sample_costs_itself_alone_and_is_counted(tmp_path: Path) -> None:
    with _sink() as sink, opsctl(tmp_path / "near", _config(tmp_path, sink.url), RECEIVER) as here:
        now = int(time.time() * 1000)
        good = [named(f"good_{i}", (now, 1.0)) for i in range(20)]
        assert post(here.url, *good[:10], named("poison", (now, 1.0)), *good[10:]).status_code == 204
        wait_for(lambda: len({name for name, *_ in sink.samples}) == 20, what="the good ones")
        wait_for(lambda: "samples_failed_total{" in here.get("/metrics").text, what="the count")
        _feed(here, 0, 1)
        wait_for(lambda: sink.values("counted") == [0.0], what="what comes after")
        page = here.get("/metrics").text
    failed = [line for line in page.splitlines() if line.startswith("prometheus_remote_storage_samples_failed_total{")]
    assert [line.rpartition(" ")[2] for line in failed] == ["1.0"]


@pytest.mark.parametrize("key", ["send_exemplars: true", "send_native_histograms: true", "oauth2: {}", "sigv4: {}"])
def test_what_we_lack_is_refused_by_name(tmp_path: Path, key: str) -> None:
    path = tmp_path / "p.yml"
    path.write_text(f"remote_write:\n  - url: http://127.0.0.1/w\n    {key}\n")
    with pytest.raises(DocumentError) as error:
        load_config(path)
    assert error.value.problems[0].line == 3
    assert key.partition(":")[0] in error.value.problems[0].field


def test_credentials_and_headers_are_sent_and_a_missing_secret_is_waited_for(tmp_path: Path) -> None:
    with _sink() as sink:
        config = tmp_path / "p.yml"
        config.write_text(
            "global: {scrape_interval: 1h}\n"
            f"remote_write: [{{url: '{sink.url}', name: far, bearer_token_file: token, headers: {{X-Scope-OrgID: me}},\n"
            "  queue_config: {batch_send_deadline: 100ms, max_backoff: 200ms}}]\n"
        )
        with opsctl(tmp_path / "near", config, RECEIVER) as here:
            _feed(here, 0, 1)
            retried = 'prometheus_remote_storage_samples_retried_total{remote_name="far"'
            wait_for(lambda: f'{retried},url="{sink.url}"}} 0.0' not in here.get("/metrics").text, what="a try")
            assert sink.requests == 0
            (tmp_path / "token").write_text("secret\n")
            wait_for(lambda: sink.values("counted") == [0.0], what="the sample")
    assert sink.said["Authorization"] == "Bearer secret"
    assert sink.said["X-Scope-OrgID"] == "me"
    assert sink.said["Content-Encoding"] == "snappy"
    assert sink.said["X-Prometheus-Remote-Write-Version"] == "0.1.0"
