"""The receiver: a real Prometheus writes to us, and a hand-made client is answered as Prometheus answers it."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opsctl.metrics.remote_protocol import packed
from opsctl.metrics.remote_wire import number, sized
from opsctl.model.series import STALE
from tests.api.running import Server, Target, opsctl, prometheus
from tests.remote.support import RECEIVER, entry, named, post, raw
from tests.servers import wait_for

NOTHING = "global: {scrape_interval: 1h}\n"
V2 = {"Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request"}


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("receive")
    (folder / "p.yml").write_text(NOTHING)
    with opsctl(folder / "data", folder / "p.yml", RECEIVER) as server:
        yield server


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("theirs")
    (folder / "p.yml").write_text(NOTHING)
    with prometheus(folder / "data", folder / "p.yml", RECEIVER) as server:
        yield server


def _now() -> int:
    return int(time.time() * 1000)


def test_the_same_answers_as_prometheus(ours: Server, theirs: Server) -> None:
    now = _now()
    steps = [
        packed(named("m", (now, 1.0))),
        packed(named("m", (now, 1.0))),
        packed(named("m", (now, 2.0))),
        packed(named("m", (now - 1000, 2.0))),
        packed(named("old", (now - 36_000_000, 1.0))),
        packed(named("m", (now + 1000, 2.0), (now + 2000, 3.0))),
        packed(entry([("z", "1"), ("__name__", "unsorted"), ("a", "2")], [(now, 1.0)])),
        packed(entry([("__name__", "spaced name"), ("a-b", "c"), ("gone", "")], [(now, 1.0)])),
        packed(named("no_samples")),
        packed(sized(0x1A, b"\x08\x01" + sized(0x12, b"m"))),
        packed(b""),
        b"", b"hello there", number(2**20) + b"x",
    ]  # fmt: skip
    for place, body in enumerate(steps):
        one, other = raw(ours.url, body), raw(theirs.url, body)
        assert (place, one.status_code, one.text) == (place, other.status_code, other.text)
    for expr in ("m[1m] offset -10s", "unsorted", '{__name__="spaced name"}', "old", "no_samples"):
        at = (now + 3000) / 1000
        mine, its = (server.data("query", query=expr, time=at)["result"] for server in (ours, theirs))
        assert mine == its, expr


@pytest.mark.parametrize(
    "labels",
    [
        [("__name__", "x"), ("a", "1"), ("a", "2")], [], [("job", "x")], [("__name__", "x"), ("", "y")],
        [("__name__", "x"), ("a", b"\xff")], [("__name__", "x"), (b"\xff", "a")],
    ],
)  # fmt: skip
def test_series_without_right_labels_are_left_out_and_the_rest_is_kept(ours: Server, labels: list[Any]) -> None:
    now = _now()
    answer = post(ours.url, entry(labels, [(now, 1.0)]), named("kept_beside", (now, 1.0)))
    assert (answer.status_code, answer.text) == (204, "")
    assert ours.value("kept_beside") == 1.0
    assert ours.value("x") is None
    assert ours.value('{job="x"}') is None


def test_native_histograms_are_refused_by_name(ours: Server) -> None:
    histogram = entry([("__name__", "h")], [], sized(0x22, b"\x78" + number(_now())))
    answer = post(ours.url, histogram, named("kept", (_now(), 1.0)))
    assert (answer.status_code, answer.text) == (400, "native histograms are disabled\n")
    assert ours.value("kept") == 1.0


def test_the_rest_of_a_request_with_an_old_sample_is_kept(ours: Server) -> None:
    now = _now()
    assert post(ours.url, named("aged", (now, 1.0))).status_code == 204
    answer = post(ours.url, named("before", (now, 5.0)), named("aged", (now - 5000, 2.0)), named("after", (now, 6.0)))
    assert (answer.status_code, answer.text) == (400, "out of order sample\n")
    assert (ours.value("before"), ours.value("aged"), ours.value("after")) == (5.0, 1.0, 6.0)


def test_a_sample_from_the_future_is_out_of_bounds(ours: Server) -> None:
    answer = post(ours.url, named("future", (_now() + 3_600_000, 1.0)))
    assert (answer.status_code, answer.text) == (400, "out of bounds: timestamp is too far in the future\n")


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        (V2, "io.prometheus.write.v2.Request protobuf message is not accepted by this server; only accepts prometheus.WriteRequest"),
        ({"Content-Type": "application/json"}, "expected application/x-protobuf as the first (media) part, got application/json content-type"),
        ({"Content-Type": "application/x-protobuf;proto=x"}, "got application/x-protobuf;proto=x content type; unknown type"),
        ({"Content-Type": "application/x-protobuf;x"}, "as per https://www.rfc-editor.org/rfc/rfc9110#parameter expected parameters"),
        ({"Content-Encoding": "gzip"}, "gzip encoding (compression) is not accepted by this server; only snappy is acceptable"),
    ],
)  # fmt: skip
def test_other_contents_are_415(ours: Server, headers: dict[str, str], said: str) -> None:
    answer = post(ours.url, headers=headers)
    assert answer.status_code == 415
    assert answer.text.startswith(said)


def test_only_post_writes(ours: Server) -> None:
    assert requests.get(f"{ours.url}/api/v1/write", timeout=5).status_code == 405


def test_a_staleness_marker_ends_a_series_and_a_nan_does_not(ours: Server) -> None:
    now = _now()
    nan = struct.unpack("<d", struct.pack("<Q", 0x7FF8000000000001))[0]
    entries = named("ends", (now - 2000, 1.0), (now - 1000, STALE)), named("odd", (now - 2000, 1.0), (now - 1000, nan))
    assert post(ours.url, *entries).status_code == 204
    assert ours.value("ends") is None
    assert str(ours.value("odd")) == "nan"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=100))
def test_any_bytes_are_answered(ours: Server, data: bytes) -> None:
    assert raw(ours.url, data).status_code in (204, 400)
    assert raw(ours.url, packed(data)).status_code in (204, 400)
    assert raw(ours.url, packed(sized(0x0A, data))).status_code in (204, 400)


def test_closed_unless_it_is_opened(tmp_path: Path) -> None:
    (tmp_path / "p.yml").write_text(NOTHING)
    with opsctl(tmp_path / "a", tmp_path / "p.yml") as one, prometheus(tmp_path / "b", tmp_path / "p.yml") as other:
        mine, its = post(one.url), post(other.url)
    assert mine.status_code == its.status_code == 404
    assert mine.text == f"remote write receiver needs to be enabled with {RECEIVER}\n"


def test_what_was_acknowledged_survives_kill(tmp_path: Path) -> None:
    (tmp_path / "p.yml").write_text(NOTHING)
    now, total = _now(), 50
    with opsctl(tmp_path / "data", tmp_path / "p.yml", RECEIVER) as server:
        for i in range(total):
            assert post(server.url, named("counted", (now + i, float(i)))).status_code == 204
        server.process.kill()
        server.process.wait()
    with opsctl(tmp_path / "data", tmp_path / "p.yml", RECEIVER) as server:
        assert server.value("count_over_time(counted[1m])") == total


def test_a_real_prometheus_writes_to_us(tmp_path: Path, ours: Server) -> None:
    target = Target()
    target.text = 'temperature{room="北"} 21.5\nrequests_total 10\n'
    config = tmp_path / "p.yml"
    config.write_text(
        f"global: {{scrape_interval: 300ms, external_labels: {{site: far}}}}\n"
        f"remote_write: [{{url: '{ours.url}/api/v1/write', queue_config: {{batch_send_deadline: 200ms}}}}]\n"
        f"scrape_configs: [{{job_name: one, static_configs: [{{targets: ['{target.address}']}}]}}]\n"
    )
    with prometheus(tmp_path / "data", config) as sender:
        wait_for(lambda: (ours.value('count_over_time(up{site="far"}[5m])') or 0) >= 4, what="samples from afar")
        target.text = "requests_total 11\n"
        wait_for(lambda: ours.value("temperature") is None, what="the staleness marker")
        failed = sender.value("prometheus_remote_storage_samples_failed_total") or 0.0
        whole = sender.data("query", query="requests_total[5m]")["result"][0]["values"]
    target.close()
    assert failed == 0
    here = ours.data("query", query='requests_total{site="far"}[5m]')["result"][0]["values"]
    assert here[: len(whole) - 3] == whole[:-3], "every sample arrives as it was"
