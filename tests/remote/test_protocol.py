"""Remote write bodies: what is encoded is read back, a real Prometheus reads it, any bytes are answered by name."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from opsctl.metrics.remote_protocol import Decoder, WriteLimits, encoded, packed
from opsctl.metrics.remote_wire import BadWrite, number, sized
from opsctl.model.labels import Labels
from opsctl.model.series import STALE, Series, is_stale
from tests.servers import free_port, http_ok, need, started

_NAMES = st.text("abc_", min_size=1, max_size=4)
_LABELS = st.dictionaries(_NAMES, st.text(max_size=5), max_size=4).map(lambda d: Labels({**d, "__name__": "m"}))
_SAMPLES = st.lists(
    st.tuples(st.integers(-(2**63), 2**63 - 1) | st.integers(1_700_000_000_000, 1_800_000_000_000), st.floats()),
    min_size=1, max_size=3,
)  # fmt: skip


def _series(labels: Labels, samples: list[tuple[int, float]]) -> Series:
    return Series(labels, np.array([t for t, _ in samples], np.int64), np.array([v for _, v in samples], np.float64))


_SERIES = st.lists(st.builds(_series, _LABELS, _SAMPLES), max_size=5)


@given(_SERIES)
def test_what_is_encoded_is_read_back_known_or_not(series: list[Series]) -> None:
    decoder, body = Decoder(), packed(encoded(series))
    for _ in range(2):
        got = decoder.decode(body)
        assert [got.labels[row] for row in got.rows] == [s.labels for s in series for _ in s.times]
        assert got.times.tolist() == [t for s in series for t in s.times.tolist()]
        expected = np.concatenate([s.values for s in series]) if series else np.empty(0)
        assert got.values.tobytes() == expected.tobytes()


@given(st.binary(max_size=200))
def test_any_bytes_are_samples_or_a_named_error(data: bytes) -> None:
    for body in (data, packed(data), packed(encoded([]) + sized(0x0A, data))):
        with contextlib.suppress(BadWrite):
            Decoder().decode(body)


@given(_SERIES, st.integers(0, 200), st.integers(0, 255))
def test_a_changed_byte_does_not_depend_on_what_is_remembered(series: list[Series], at: int, byte: int) -> None:
    request = bytearray(encoded(series))
    warm = Decoder()
    warm.decode(packed(bytes(request)))
    if request:
        request[at % len(request)] = byte
    body = packed(bytes(request))
    answers = []
    for decoder in (warm, Decoder()):
        try:
            got = decoder.decode(body)
            answers.append((got.labels, got.times.tobytes(), got.values.tobytes(), got.refused, got.invalid))
        except BadWrite as error:
            answers.append((error.message,))
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("pairs", "why"),
    [
        ([], "empty labelset: invalid sample"),
        ([("__name__", "m"), ("a", "1"), ("a", "2")], 'label name "a" is not unique: invalid sample'),
        ([("a", "1")], 'metric name is missing: {a="1"}: invalid sample'),
    ],
)
def test_a_bad_series_is_refused_by_name_and_the_rest_is_kept(pairs: list[tuple[str, str]], why: str) -> None:
    labels = b"".join(sized(0x0A, sized(0x0A, n.encode()) + sized(0x12, v.encode())) for n, v in pairs)
    good = encoded([_series(Labels({"__name__": "good"}), [(1, 1.0)])])
    got = Decoder().decode(packed(sized(0x0A, labels) + good))
    assert (got.invalid, got.refused) == ((why,), ())
    assert [each.name for each in got.labels] == ["good"]


def test_native_histograms_are_refused_by_name() -> None:
    entry = sized(0x0A, sized(0x0A, b"__name__") + sized(0x12, b"h")) + sized(0x22, b"\x78\x01")
    assert Decoder().decode(packed(sized(0x0A, entry))).refused == ("native histograms are disabled",)


def test_what_is_too_large_is_refused_before_it_is_unpacked() -> None:
    with pytest.raises(BadWrite, match="bytes, at most"):
        Decoder().decode(number(2**40) + b"x")
    many = [_series(Labels({"__name__": "m"}), [(1, 1.0), (2, 2.0)])]
    with pytest.raises(BadWrite, match="more than 1 samples"):
        Decoder(WriteLimits(samples=1)).decode(packed(encoded(many)))


def test_a_real_prometheus_takes_our_bodies(tmp_path: Path) -> None:
    config, port = tmp_path / "prometheus.yml", free_port()
    config.write_text("global: {scrape_interval: 1h}\n")
    command = [
        need("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver",
    ]  # fmt: skip
    url, at = f"http://127.0.0.1:{port}", 1_790_000_000_000
    series = [
        _series(Labels({"__name__": "a", "host": "主机"}), [(at, 1.5), (at + 1000, 2.5)]),
        _series(Labels({"__name__": "b"}), [(at, 3.0), (at + 1000, STALE)]),
    ]
    assert is_stale(Decoder().decode(packed(encoded(series))).values).tolist() == [False, False, False, True]
    with started(command, lambda: http_ok(f"{url}/-/ready"), tmp_path / "log"):
        headers = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"}
        body = packed(encoded(series))
        assert requests.post(f"{url}/api/v1/write", data=body, headers=headers, timeout=10).status_code == 204
        query = {"query": '{__name__=~"a|b"}', "time": str((at + 1000) / 1000)}
        found = requests.get(f"{url}/api/v1/query", params=query, timeout=10).json()["data"]["result"]
    assert [(one["metric"], one["value"][1]) for one in found] == [({"__name__": "a", "host": "主机"}, "2.5")]
