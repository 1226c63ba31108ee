"""Reading the log back: any bytes, with and without a right checksum, are a log that is read as far as it goes."""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from opsctl.metrics.index import LabelIndex
from opsctl.metrics.replay import Replay
from opsctl.metrics.wal import BATCH, LAYOUT, SERIES, Logged, Wal, record, segments
from opsctl.model.labels import Labels
from tests.metrics.support import HOUR, series

PAYLOADS = st.one_of(
    st.binary(min_size=1, max_size=60),
    st.builds(lambda kind, rest: kind + rest, st.sampled_from([b"B", b"O", b"L", b"N", b"S"]), st.binary(max_size=40)),
    st.builds(lambda n, text: SERIES.pack(b"N", n) + text.encode(), st.integers(0, 5), st.text(max_size=20)),
    st.sampled_from([b"S" + each for each in (b"[1]", b"[[1]]", b'[["a"]]', b'[[["a","b"]]]', b"{}", b"null")]),
    st.builds(
        lambda n, k, rows: LAYOUT.pack(b"L", n, k) + b"s" + struct.pack(f"<{len(rows)}I", *rows),
        st.integers(0, 2), st.integers(0, 3), st.lists(st.integers(0, 3), max_size=3),
    ),
    st.builds(
        lambda n, at, count: BATCH.pack(b"B", n, at) + bytes(8 * count), st.integers(0, 2),
        st.integers(-(2**63), 2**63 - 1), st.integers(0, 3),
    ),
)  # fmt: skip


@given(parts=st.lists(st.one_of(st.binary(max_size=30), PAYLOADS.map(record)), max_size=12))
@settings(max_examples=200, deadline=None)
def test_any_bytes(parts: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as name:
        path, index = Path(name) / "1", LabelIndex()
        path.write_bytes(b"".join(parts))
        replay = Replay(path, index)
        for batch in replay.batches():
            assert len(batch.refs) == len(batch.values)
            assert all(index.labels(ref) for ref in batch.refs.tolist())
        assert all(0 <= begin < end <= replay.size for begin, end in replay.damage)
        assert all(a[1] <= b[0] for a, b in zip(replay.damage, replay.damage[1:], strict=False))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Layouts that change, late ones, windows that end in the middle of a call."""
    index, wrote = LabelIndex(), []
    wal = Wal(tmp_path, index)
    for call in range(6):
        batches = []
        for part in range(4):
            refs = np.array([index.intern(series("m", i=str(i))) for i in range(part, part + 1 + call % 3)])
            values = np.arange(len(refs)) + 0.5 * call
            batches.append(Logged(f"s{part}", call * HOUR + part * HOUR // 2, refs, values, late=int(part == 2)))
        wal.append(batches)
        wrote += batches
    wal.rotate()
    other, read = LabelIndex(), []
    for path in segments(tmp_path):
        replay = Replay(path, other)
        read += list(replay.batches())
        assert replay.damage == []
    assert len(segments(tmp_path)) == 4

    def plain(batch: Logged, names: LabelIndex) -> tuple[str, int, list[Labels], list[float], bool]:
        labels = [names.labels(ref) for ref in batch.refs.tolist()]
        return batch.source, batch.at_ms, labels, batch.values.tolist(), bool(batch.late)

    assert [plain(b, other) for b in read] == [plain(b, index) for b in wrote]
