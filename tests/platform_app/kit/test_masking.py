"""Personal data never reaches a log line, whatever it is wrapped in."""

from __future__ import annotations

import logging
import sys
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_app.kit.log import EcsFormatter
from platform_app.kit.masking import mask_name, mask_phone, mask_text, masked, sweep

PHONES = st.from_regex(r"\A1[3-9][0-9]{9}\Z")


def line_of(event: str, **fields: Any) -> str:
    record = logging.LogRecord("x", logging.INFO, "f", 1, event, (), None)
    record.fields = {"event.action": event, **fields}
    return EcsFormatter("users").format(record)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("打给 13900000077 吧", "打给 139****0077 吧"),
        ("+86 139 0000 0077", "+86 139****0077"),
        ("8613900000077,", "86139****0077,"),
        ("139-0000-0077", "139****0077"),
        ("Duplicate entry '13900000077' for key", "Duplicate entry '139****0077' for key"),
        ("order 251125093000123456789012", "order 251125093000123456789012"),
        ("at 1764034200123 ms", "at 1764034200123 ms"),
        ("trace 4bf92f13900000077da6a3ce929d0e0e", "trace 4bf92f13900000077da6a3ce929d0e0e"),
        ("Authorization: Bearer abcdefghijkl.mnop", "Authorization: Bearer ***"),
        ("token=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "token=***"),
    ],
)
def test_sweep(text: str, wanted: str) -> None:
    assert sweep(text) == wanted


def test_known_keys_are_hidden_whatever_they_hold() -> None:
    found = masked(
        {
            "phone": 13900000077,
            "user": {"address": "浙江省杭州市西湖区文三路 99 号", "contact": "王芳", "refresh_token": "abc"},
            "phones": ["13900000077", "x"],
            "http.request.headers.authorization": "Bearer x",
            "took": 13_500_000_000,
            "ok": True,
            "none": None,
        }
    )
    assert found == {
        "phone": "139****0077",
        "user": {"address": "浙江省杭州市***", "contact": "王***", "refresh_token": "***"},
        "phones": ["139****0077", "x"],
        "http.request.headers.authorization": "***",
        "took": 13_500_000_000,
        "ok": True,
        "none": None,
    }


def test_masks() -> None:
    assert (mask_phone("13900000077"), mask_phone("12"), mask_phone("")) == ("139****0077", "***", "***")
    assert (mask_text("文三路 99 号", 2), mask_text("路"), mask_text("")) == ("文三***", "***", "")
    assert (mask_name("王芳"), mask_name("")) == ("王**", "")


@given(PHONES, st.sampled_from(["{}", "a {} b", "'{}'", "\\n{}", "tel:{}", "x={};", "[{}, {}]", "\n{}\n", "用户{}号"]))
def test_no_phone_passes_in_any_wrapping(phone: str, form: str) -> None:
    text = form.replace("{}", phone)
    for line in (
        line_of(text),
        line_of("e", note=text),
        line_of("e", deep=[{"more": (text,)}]),
        line_of("e", error=text),
    ):
        assert phone not in line
        orjson.loads(line)


@given(st.text(max_size=200))
def test_any_text_is_taken(text: str) -> None:
    assert isinstance(sweep(text), str)


def test_errors_and_their_stacks_are_swept() -> None:
    try:
        raise ValueError("no user 13900000077")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, "failed", (), sys.exc_info())
    line = EcsFormatter("users").format(record)
    assert "13900000077" not in line
    assert "139****0077" in orjson.loads(line)["error.stack_trace"]
