"""Times, layouts and JSON as Go writes them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.gotemplate import TemplateError
from opsctl.gotemplate.gojson import go_json
from opsctl.gotemplate.gotime import ZERO, GoDuration, GoTime
from opsctl.gotemplate.layouts import read_time
from opsctl.gotemplate.regexp import replace_all

AT = GoTime(1_136_214_245_678_901)  # 2006-01-02 15:04:05.678901 UTC


@pytest.mark.parametrize(
    ("layout", "made"),
    [
        ("Mon Jan _2 15:04:05 2006", "Mon Jan  2 15:04:05 2006"),
        ("Monday, 02-Jan-06 15:04:05 MST", "Monday, 02-Jan-06 15:04:05 UTC"),
        ("2006-01-02T15:04:05.999999999Z07:00", "2006-01-02T15:04:05.678901Z"),
        ("3:04PM 03:4pm", "3:04PM 03:4pm"),
        ("15h04m05.000s -0700 -07 Z0700", "15h04m05.678s +0000 +00 Z"),
        ("05,000 .000 .9", "05,678 .678 .6"),
        ("002 __2 1/2", "002   2 1/2"),
        ("January Month", "January Month"),
        ("plain é", "plain é"),
    ],
)
def test_layouts(layout: str, made: str) -> None:
    assert AT.format(layout) == made


def test_zones() -> None:
    shanghai = AT.within("Asia/Shanghai")
    assert shanghai.format("15:04 MST Z07:00") == "23:04 CST +08:00"
    assert shanghai.__go_json__() == "2006-01-02T23:04:05.678901+08:00"
    assert AT.within("America/Sao_Paulo").format("MST") == "-02"
    assert ZERO.__go_json__() == "0001-01-01T00:00:00Z"
    with pytest.raises(TemplateError):
        AT.within("../etc/passwd")


@given(st.integers(0, 7_258_118_400_000_000))
def test_what_is_written_is_read_back(microseconds: int) -> None:
    at = GoTime(microseconds).moment
    layout = "2006-01-02 15:04:05.999999 -0700"
    assert read_time(layout, GoTime.of(at).format(layout)) == at


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_layout_is_read_or_refused(layout: str, text: str) -> None:
    AT.format(layout)
    with contextlib.suppress(TemplateError):
        assert read_time(layout, text).tzinfo is not None


@pytest.mark.parametrize(
    ("value", "made"),
    [
        ({"b": 1, "a": [1.0, 2.5, None, True]}, b'{"a":[1,2.5,null,true],"b":1}'),
        ("<a href='x'>&\u2028\u2029 中", b"\"\\u003ca href='x'\\u003e\\u0026\\u2028\\u2029 \xe4\xb8\xad\""),
        (AT, b'"2006-01-02T15:04:05.678901Z"'),
        (GoDuration(1.5), b"1500000000"),
    ],
)
def test_json(value: object, made: bytes) -> None:
    assert go_json(value) == made


def test_durations_and_replacements() -> None:
    assert GoDuration(5400.5).template_fields()["Round"](GoDuration(60.0)) == GoDuration(5400.0)
    assert GoDuration(-3661.0).__go_text__() == "-1h1m1s"
    assert replace_all(r"(?P<n>\d+)", "<$n>$$${n}x$9", "a1") == "a<1>$1x"
    with pytest.raises(TemplateError):
        replace_all("(", "", "")
