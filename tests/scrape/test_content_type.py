"""Which format a Content-Type means, and what needs a fallback."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.scrape.content_type import UnknownFormat, is_openmetrics


@pytest.mark.parametrize(
    ("said", "fallback", "openmetrics"),
    [
        ("text/plain; version=0.0.4; charset=utf-8", None, False), ("TEXT/PLAIN", None, False),
        ("application/openmetrics-text; version=1.0.0", None, True), ("", "PrometheusText0.0.4", False),
        ("text/html", "OpenMetricsText1.0.0", True), ("text/plain", "OpenMetricsText1.0.0", False),
    ],
)  # fmt: skip
def test_formats(said: str, fallback: str | None, openmetrics: bool) -> None:
    assert is_openmetrics(said, fallback) is openmetrics


@pytest.mark.parametrize("said", ["", " ", "text/html", "nonsense", "application/vnd.google.protobuf", "text/"])
def test_without_a_fallback_an_unknown_one_is_refused(said: str) -> None:
    with pytest.raises(UnknownFormat, match="no fallback_scrape_protocol"):
        is_openmetrics(said, None)


@given(st.text())
def test_any_header_is_known_or_refused(said: str) -> None:
    try:
        assert is_openmetrics(said, None) in (True, False)
    except UnknownFormat:
        assert is_openmetrics(said, "PrometheusText0.0.4") is False
