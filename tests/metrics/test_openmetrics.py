"""OpenMetrics text: what is written reads back bit by bit, families stand as the format demands, mistakes have lines."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from opsctl.core.errors import DocumentError
from opsctl.metrics.openmetrics_families import Family, Known, families
from opsctl.metrics.openmetrics_file import lines_of, publishing
from opsctl.metrics.openmetrics_read import Limits, pieces
from opsctl.metrics.openmetrics_text import grouped, text_of
from opsctl.model.labels import Labels
from opsctl.model.series import STALE, Series
from opsctl.scrape.parse import parse_series

NAMES = st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,8}", fullmatch=True)
LABEL_NAMES = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_]{0,8}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)
TIMES = st.lists(st.integers(0, 4_102_444_800_000), min_size=1, max_size=6, unique=True).map(sorted)


def _one(labels: Labels, times: list[int], values: list[float]) -> Series:
    return Series(labels, np.array(times, np.int64), np.array(values, np.float64))


def _read(text: str, limits: Limits | None = None) -> list[Series]:
    found = pieces(Path("x.om"), iter(text.splitlines()), parse_series, limits or Limits())
    return [one for piece in found for one in piece.series]


@settings(max_examples=200, deadline=None)
@given(NAMES, st.dictionaries(LABEL_NAMES, TEXTS, max_size=4), TIMES, st.data())
def test_what_is_written_reads_back(name: str, labels: dict[str, str], times: list[int], data: st.DataObject) -> None:
    values = data.draw(st.lists(st.floats(), min_size=len(times), max_size=len(times)))
    series = _one(Labels({**labels, "__name__": name}), times, values)
    text, written, stale = text_of([series], Family(name, (name,)))
    kept = [v for v in values if struct.pack("<d", v) != struct.pack("<d", STALE)]
    assert (written, stale) == (len(kept), len(values) - len(kept))
    lines = iter([*text.split("\n")[:-1], "# EOF"])
    found = [one for piece in pieces(Path("x"), lines, parse_series, Limits()) for one in piece.series]
    assert [one.labels for one in found] == ([series.labels] if kept else [])
    for one in found:
        assert [int(t) for t in one.times] == [
            t for t, v in zip(times, values, strict=True) if v in kept or math.isnan(v)
        ]
        np.testing.assert_array_equal(one.values, np.array(kept))


@given(st.integers(0, 4_102_444_800_000))
def test_times_survive_readers_that_cut_off_instead_of_rounding(at: int) -> None:
    text, _, _ = text_of([_one(Labels({"__name__": "a"}), [at], [1.0])], Family("a", ("a",)))
    seconds = float(text.split()[2])
    assert int(seconds * 1000) == round(seconds * 1000) == at


def test_a_histogram_is_one_family_by_time_and_border() -> None:
    known = {"http_seconds": Known("histogram", 'took\n"long"'), "up": Known("gauge"), "orders": Known("counter")}
    names = ["http_seconds_sum", "http_seconds_bucket", "http_seconds_count", "up", "orders_total", "orders_created"]
    found = families(names, known)
    assert [(f.name, f.type, f.names) for f in found] == [
        ("http_seconds", "histogram", ("http_seconds_bucket", "http_seconds_count", "http_seconds_sum")),
        ("orders", "counter", ("orders_created", "orders_total")),
        ("up", "gauge", ("up",)),
    ]
    (parsed,) = text_string_to_metric_families(_family_text(found[0], _histogram(1000)) + "# EOF\n")
    assert (parsed.name, parsed.type, parsed.documentation) == ("http_seconds", "histogram", 'took\n"long"')
    assert len(parsed.samples) == 2 * 4
    lines = _family_text(found[0], _histogram(1000, 2000)).splitlines()[2:]
    assert [re.sub(r'http_seconds_|path=|,|"', "", line) for line in lines[:8]] == [
        "bucket{le=2.0/a} 1.0 1", "bucket{le=+Inf/a} 3.0 1", "count{/a} 3.0 1", "sum{/a} 4.5 1",
        "bucket{le=2.0/a} 1.0 2", "bucket{le=+Inf/a} 3.0 2", "count{/a} 3.0 2", "sum{/a} 4.5 2",
    ]  # fmt: skip


def _histogram(*times: int) -> Iterator[Series]:
    """prometheus_client's parser takes it for one time only: it drops parts of a second one as repeated."""
    for path in ("/a", "/b"):
        parts = (("bucket", "+Inf", 3.0), ("bucket", "2.0", 1.0), ("sum", "", 4.5), ("count", "", 3.0))
        for part, le, value in parts:
            labels = Labels({"__name__": f"http_seconds_{part}", "path": path, "le": le})
            yield _one(labels, list(times), [value] * len(times))


def _family_text(family: Family, series: Iterator[Series]) -> str:
    return family.head() + "".join(text_of(some, family)[0] for some in grouped(series, family).values())


@pytest.mark.parametrize(
    ("names", "known", "said"),
    [
        (["hits"], {"hits": Known("counter")}, [("hits", "unknown")]),
        (["hits_total"], {"hits_total": Known("counter")}, [("hits", "counter")]),
        (["hits", "hits_total"], {"hits_total": Known("counter"), "hits": Known("gauge")}, [("hits", "gauge"), ("hits_total", "unknown")]),
        (["rpc", "rpc_sum", "rpc_count"], {"rpc": Known("summary")}, [("rpc", "summary")]),
        (["x_count"], {}, [("x_count", "unknown")]),
        (["build_info"], {"build": Known("info")}, [("build", "info")]),
        (["my.metric"], {"my.metric": Known("gauge")}, [("my.metric", "gauge")]),
    ],
)  # fmt: skip
def test_families(names: list[str], known: dict[str, Known], said: list[tuple[str, str]]) -> None:
    assert [(f.name, f.type) for f in families(names, known)] == said


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a 1 1\nb 2\n# EOF", 2, "a sample without a time"),
        ("a 1 1", 2, "does not end with # EOF"),
        ("a 1 1\n# EOF\na 1 2", 3, "something stands after # EOF"),
        ("a 1 1700000000000\n# EOF", 1, "is no time"),
        ("a 1 -5\n# EOF", 1, "is no time"),
        ("a 1_0 1\n# EOF", 1, "expected a value and a time"),
        ("a x 1\n# EOF", 1, "expected a value and a time"),
        ("a 1 nan\n# EOF", 1, "is no time"),
        ("a 1 2 3\n# EOF", 1, "expected a value and a time"),
        ("a 1 1\n\n# EOF", 2, "expected a value and a time"),
        ("# hello\n# EOF", 1, "not a line of OpenMetrics"),
        ('a{b="c"d="e"} 1 1\n# EOF', 1, "bad labels"),
        ('a{b="1",b="2"} 1 1\n# EOF', 1, "stands twice"),
        ('{b="1"} 1 1\n# EOF', 1, "a series without a name"),
        ('a{b="} 1 1\n# EOF', 1, "expected a value and a time"),
        ("", 1, "does not end with # EOF"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, line: int, said: str) -> None:
    with pytest.raises(DocumentError, match=re.escape(said)) as caught:
        _read(text)
    assert caught.value.problems[0].line == line


def test_what_other_tools_write_is_read() -> None:
    text = (
        "# HELP http help\n# TYPE http counter\n# UNIT http s\n"
        'http_total{a="}\\"\\n # {",b=""} 1e3 1.5e9 # {trace="x"} 0.5 1\n'
        '{"my.name","la bel"="v"} +Inf 0.001\n# EOF'
    )
    assert [(str(s.labels), s.times.tolist(), s.values.tolist()) for s in _read(text)] == [
        ('http_total{a="}\\"\\n # {"}', [1_500_000_000_000], [1000.0]),
        ('my.name{la bel="v"}', [1], [math.inf]),
    ]


def test_a_time_twice_is_taken_once_and_the_first_value_stays() -> None:
    text = "a 2 2\na 1 1\na 2 2\na 3 1\n# EOF"
    (piece,) = pieces(Path("x"), text.splitlines(), parse_series, Limits())
    assert (piece.samples, piece.repeated, piece.conflicts) == (4, 1, 1)
    assert (piece.series[0].times.tolist(), piece.series[0].values.tolist()) == ([1000, 2000], [1.0, 2.0])


def test_limits_bound_what_is_held() -> None:
    lines = [f'a{{i="{i}"}} {i} {t}' for i in range(9) for t in range(3)] + ["# EOF"]
    by_samples = list(pieces(Path("x"), lines, parse_series, Limits(samples=5)))
    by_series = list(pieces(Path("x"), lines, parse_series, Limits(series=2)))
    assert [p.samples for p in by_samples] == [5] * 5 + [2]
    assert max(len(p.series) for p in by_series) == 2
    assert sum(p.samples for p in by_series) == 27
    with pytest.raises(DocumentError, match="more than 1 labels"):
        _read('a{b="c"} 1 1\n# EOF', Limits(labels=1))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused_with_a_line(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    for suffix in ("om", "om.gz", "om.zst"):
        file = tmp_path_factory.getbasetemp() / f"fuzz.{suffix}"
        file.write_bytes(data)
        line = 1
        try:
            list(pieces(file, lines_of(file, 64, lambda _: None), parse_series, Limits()))
        except DocumentError as error:
            line = error.problems[0].line
        assert line >= 1


@pytest.mark.parametrize("name", ["a.om", "a.om.gz", "a.om.zst"])
def test_a_file_is_whole_or_not_there(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    with publishing(file) as out:
        out.write(b"a 1 1\n# EOF\n")
    assert list(lines_of(file, 100, lambda _: None)) == ["a 1 1", "# EOF"]
    before = file.read_bytes()
    with pytest.raises(ZeroDivisionError), publishing(file) as out:
        out.write(b"half" * (1 // 0))
    assert file.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["a.om.gz", "a.om.zst"])
def test_a_torn_file_is_named(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    with publishing(file) as out:
        out.write("".join(f"a{i} {i * 0.37} {i}\n" for i in range(20_000)).encode())
    file.write_bytes(file.read_bytes()[:-2000])
    with pytest.raises(DocumentError, match=re.escape(str(file))):
        list(pieces(file, lines_of(file, 100, lambda _: None), parse_series, Limits()))
