"""Which format a Content-Type means, and what needs a fallback."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.scrape.config.job import PROTOCOLS
from opsctl.scrape.content_type import UnknownFormat, accept_header, is_openmetrics


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


@pytest.mark.parametrize("said", ["", " ", "text/html", "nonsense", "text/"])
def test_without_a_fallback_an_unknown_one_is_refused(said: str) -> None:
    with pytest.raises(UnknownFormat, match="no fallback_scrape_protocol"):
        is_openmetrics(said, None)


def test_protobuf_is_not_read_even_with_a_fallback() -> None:
    with pytest.raises(UnknownFormat, match="no protobuf"):
        is_openmetrics("application/vnd.google.protobuf; proto=x", "PrometheusText0.0.4")


def test_what_is_asked_for_is_what_prometheus_asks_for() -> None:
    assert accept_header(PROTOCOLS, "allow-utf-8") == (
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
        "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
        "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
    )
    assert accept_header(("PrometheusText0.0.4",), "dots") == "text/plain;version=0.0.4;q=0.6,*/*;q=0.5"


@given(st.text())
def test_any_header_is_known_or_refused(said: str) -> None:
    try:
        assert is_openmetrics(said, None) in (True, False)
    except UnknownFormat as error:
        if "protobuf" in str(error):
            return
        assert is_openmetrics(said, "PrometheusText0.0.4") is False
