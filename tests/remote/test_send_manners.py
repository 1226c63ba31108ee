"""remote_write: requests side by side, metadata, what is relabelled away, too old or refused, and its figures."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from opsctl.metrics.remote_protocol import Decoder, unpacked
from opsctl.metrics.remote_wire import fields
from tests.api.running import Server, Target, opsctl, prometheus
from tests.remote.support import RECEIVER, named, post
from tests.servers import wait_for


class Slow:
    """A receiver that takes its time; knows how many requests it had at once, and all samples in their order."""

    def __init__(self) -> None:
        self.seconds, self.status = 0.15, 204
        self.now = self.most = 0
        self.samples: list[tuple[str, float]] = []
        self.metadata: dict[str, tuple[int, str, str]] = {}
        self.agents: set[str] = set()
        lock, outer = threading.Lock(), self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with lock:
                    outer.now += 1
                    outer.most = max(outer.most, outer.now)
                    outer.agents.add(self.headers["User-Agent"])
                time.sleep(outer.seconds)
                with lock:
                    outer.now -= 1
                    if outer.status == 204:
                        outer.take(body)
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/write"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def take(self, body: bytes) -> None:
        got = Decoder().decode(body)
        self.samples += [(got.labels[r].name, float(v)) for r, v in zip(got.rows, got.values, strict=True)]
        for tag, _, _, entry in fields(unpacked(body, 1 << 20)):
            if tag == 3:
                said = {number: value or text.decode() for number, _, value, text in fields(entry)}
                self.metadata[str(said[2])] = (int(said.get(1, 0)), str(said.get(4, "")), str(said.get(5, "")))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def slow() -> Iterator[Slow]:
    made = Slow()
    yield made
    made.close()


def _config(folder: Path, url: str, queue: str = "", more: str = "", rest: str = "") -> Path:
    path = folder / "p.yml"
    path.write_text(
        f"global: {{scrape_interval: 300ms}}\nremote_write:\n- url: '{url}'\n  name: far\n"
        f"  queue_config: {{batch_send_deadline: 100ms, max_backoff: 200ms{queue}}}\n{more}{rest}"
    )
    return path


def figure(server: Server, name: str, more: str = "") -> float:
    found = re.search(rf"^prometheus_remote_storage_{name}{{.*{more}.*}} (.+)$", server.get("/metrics").text, re.M)
    return float(found[1]) if found else 0.0


def test_requests_go_side_by_side_and_a_series_stays_in_order(tmp_path: Path, slow: Slow) -> None:
    config = _config(tmp_path, slow.url, ", max_samples_per_send: 10, max_shards: 4")
    with opsctl(tmp_path / "near", config, RECEIVER) as here:
        for value in range(30):
            now = int(time.time() * 1000)
            entries = [named(f"s{i}", (now, float(value))) for i in range(20)]
            assert post(here.url, *entries).status_code == 204
            time.sleep(0.005)
        wait_for(lambda: len(slow.samples) >= 600, 30, "all samples")
        assert figure(here, "shards_max") == 4
    assert 2 <= slow.most <= 4
    for i in range(20):
        assert [value for name, value in slow.samples if name == f"s{i}"] == [float(v) for v in range(30)]
    assert all(agent.startswith("Prometheus/") for agent in slow.agents)


def test_metadata_is_sent_now_and_then(tmp_path: Path, slow: Slow) -> None:
    target, slow.seconds = Target(), 0.0
    target.text = "# TYPE a counter\n# HELP a All of it.\na 1\n# TYPE g gauge\ng 2\nplain 3\n"
    more = "  metadata_config: {send_interval: 400ms, max_samples_per_send: 1}\n"
    job = f"scrape_configs: [{{job_name: one, static_configs: [{{targets: ['{target.address}']}}]}}]\n"
    with opsctl(tmp_path / "near", _config(tmp_path, slow.url, more=more, rest=job)) as here:
        wait_for(lambda: len(slow.metadata) == 2, 15, "metadata")
        wait_for(lambda: figure(here, "metadata_total") >= 2, 15, "its count")
    target.close()
    assert slow.metadata == {"a": (1, "All of it.", ""), "g": (2, "", "")}


def test_what_is_not_sent_is_counted_by_its_reason(tmp_path: Path, slow: Slow) -> None:
    slow.seconds = 0.0
    more = "  write_relabel_configs: [{source_labels: [__name__], regex: un.*, action: drop}]\n"
    config = _config(tmp_path, slow.url, ", sample_age_limit: 1m", more)
    with opsctl(tmp_path / "near", config, RECEIVER) as here:
        now = int(time.time() * 1000)
        assert post(here.url, named("unwanted", (now, 1.0)), named("wanted", (now, 2.0))).status_code == 204
        assert post(here.url, named("old", (now - 120_000, 3.0))).status_code == 204
        wait_for(lambda: figure(here, "samples_dropped_total", "too_old") == 1, 15, "the old one")
        assert figure(here, "samples_dropped_total", "dropped_series") == 1
        slow.status = 429
        assert post(here.url, named("late", (now, 4.0))).status_code == 204
        wait_for(lambda: figure(here, "samples_failed_total") == 1, 15, "the refused one")
    assert slow.samples == [("wanted", 2.0)]


def test_a_reload_that_changes_nothing_of_it_leaves_the_sender_alone(tmp_path: Path, slow: Slow) -> None:
    slow.seconds = 0.5
    config = _config(tmp_path, slow.url)
    with opsctl(tmp_path / "near", config, RECEIVER) as here:
        assert post(here.url, named("once", (int(time.time() * 1000), 1.0))).status_code == 204
        wait_for(lambda: slow.now == 1, 10, "the request")
        config.write_text(config.read_text() + "scrape_configs: [{job_name: new}]\n")
        assert requests.post(f"{here.url}/-/reload", timeout=10).status_code == 200
        wait_for(lambda: len(slow.samples) == 1, 10, "the sample")
        time.sleep(0.8)
    assert slow.samples == [("once", 1.0)]


def test_figures_have_the_names_of_prometheus(tmp_path: Path, slow: Slow) -> None:
    config, slow.seconds = _config(tmp_path, slow.url), 0.0
    with opsctl(tmp_path / "near", config) as ours, prometheus(tmp_path / "theirs", config) as theirs:
        names = [
            set(re.findall(r"^# TYPE (prometheus_remote_storage_\w+)", server.get("/metrics").text, re.M))
            for server in (ours, theirs)
        ]
    lacking = {
        name for name in names[1] - names[0] if not re.search("exemplar|histogram|string_interner|enqueue|read", name)
    }
    assert lacking == set()
