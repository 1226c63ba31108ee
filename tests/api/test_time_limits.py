"""A query past its time, or nobody waits for, stops: its thread is free for the next."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.api.running import Server, opsctl
from tests.servers import wait_for

HEAVY = " + ".join(f"quantile_over_time(0.{n}, (vector({n}) * time())[30m:1s])" for n in range(1, 80))
SPAN = {"query": HEAVY, "start": 0, "end": 10_000, "step": 1}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("limits")
    (folder / "prometheus.yml").write_text("global: {}\n")
    flags = ("--query.max-concurrency=1", "--query.timeout=3s")
    with opsctl(folder / "data", folder / "prometheus.yml", *flags) as running:
        yield running


def idle(server: Server) -> bool:
    return "prometheus_engine_queries 0.0" in server.get("/metrics").text


def code_count(server: Server, code: int) -> bool:
    return (
        f'prometheus_http_requests_total{{code="{code}",handler="/api/v1/query_range"}}' in server.get("/metrics").text
    )


@pytest.mark.parametrize("timeout", ["0.5", "500ms", "10h"])
def test_a_query_past_its_time_frees_its_thread(server: Server, timeout: str) -> None:
    answer = server.get("/api/v1/query_range", timeout=timeout, **SPAN)
    assert (answer.status_code, answer.json()["errorType"]) == (503, "timeout")
    assert answer.json()["error"] == "query timed out in expression evaluation"
    next_one = server.get("/api/v1/query", query="1 + 1", timeout="2s")
    assert next_one.json()["data"]["result"][1] == "2"


def test_a_query_whose_turn_does_not_come_is_up_in_the_queue(server: Server) -> None:
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(server.get, "/api/v1/query_range", **SPAN)
        wait_for(lambda: not idle(server), 10, "the first query")
        answer = server.get("/api/v1/query", query="1", timeout="0.2")
        assert (answer.status_code, answer.json()["error"]) == (503, "query timed out in query queue")
        assert first.result().json()["errorType"] == "timeout"


def test_a_query_that_nobody_waits_for_stops(server: Server) -> None:
    began = time.monotonic()
    with pytest.raises(requests.Timeout):
        requests.get(f"{server.url}/api/v1/query_range", params={**SPAN, "timeout": "1h"}, timeout=0.5)
    assert server.get("/api/v1/query", query="1", timeout="2s").status_code == 200
    assert time.monotonic() - began < 30
    wait_for(lambda: code_count(server, 499), 10, "the count of what was left")
