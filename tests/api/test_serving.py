"""How the API is served: under a prefix, for chosen origins, with an end by request; pages for people; features."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import requests

from tests.api.pairing import CONFIG
from tests.api.running import Server, Target, opsctl, prometheus
from tests.servers import free_port, need, started, wait_for

PREFIXES = [
    ("--web.external-url=http://out.example:81/below/", "/below", "/below"),
    ("--web.external-url=http://out.example/shown --web.route-prefix=/inner/", "/inner", "/shown"),
    ("--web.route-prefix=inner", "/inner", ""),
]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("serving") / "prometheus.yml"
    file.write_text("global: {}\nscrape_configs: [{job_name: a, static_configs: [{targets: ['127.0.0.1:1']}]}]\n")
    return file


@pytest.mark.parametrize(("flags", "inner", "outer"), PREFIXES)
def test_everything_is_below_the_prefix(tmp_path: Path, config: Path, flags: str, inner: str, outer: str) -> None:
    port = free_port()
    for program in (["-m", "opsctl", "prometheus"], None):
        command = [str(need("prometheus"))] if program is None else [str(_python()), *program]
        folder = tmp_path / ("theirs" if program is None else "ours")
        command += [
            f"--config.file={config}",
            f"--storage.tsdb.path={folder}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        url = f"http://127.0.0.1:{port}"
        with started(command + flags.split(), partial(_ok, f"{url}{inner}/-/ready"), tmp_path / "log"):
            there = requests.get(f"{url}{inner}/api/v1/labels", timeout=5)
            assert (there.status_code, there.json()["status"]) == (200, "success")
            for path in ("/api/v1/labels", "/-/ready", "/metrics"):
                assert requests.get(url + path, timeout=5).status_code == 404, program
            root = requests.get(f"{url}/", timeout=5, allow_redirects=False)
            assert (root.status_code, root.headers["Location"]) == (302, inner)
            home = requests.get(f"{url}{inner}/", timeout=5, allow_redirects=False)
            assert home.headers["Location"].startswith(f"{outer}/")
            bare = requests.get(f"{url}{inner}", timeout=5, allow_redirects=False)
            assert (bare.status_code, bare.headers["Location"]) == (301, f"{inner}/")


def _python() -> Path:
    return Path(__file__).resolve().parents[2] / ".venv" / "bin" / "python"


def _ok(url: str) -> bool:
    try:
        return requests.get(url, timeout=1).ok
    except requests.RequestException:
        return False


def test_local_targets_are_shown_as_others_reach_them(tmp_path: Path) -> None:
    target, shown = Target(), []
    file = tmp_path / "prometheus.yml"
    file.write_text(CONFIG.format(address=target.address).replace("rule_files: [rules.yml]\n", ""))
    for start in (opsctl, prometheus):
        with start(tmp_path / start.__name__, file, "--web.external-url=https://out.example:81") as server:
            wait_for(lambda s=server: len(s.data("targets")["activeTargets"]) == 3, 20, "targets")  # type: ignore[misc]
            active = server.data("targets")["activeTargets"]
            shown.append(sorted(one["globalUrl"] for one in active))
    target.close()
    assert shown[0] == shown[1]
    assert shown[0][0] == "http://out.example:1/metrics"


def test_chosen_origins_alone_may_read(tmp_path: Path, config: Path) -> None:
    answers = []
    for start in (opsctl, prometheus):
        with start(tmp_path / start.__name__, config, r"--web.cors.origin=https?://(a|b)\.example") as server:
            heard = [
                requests.get(f"{server.url}/api/v1/labels", headers={"Origin": origin}, timeout=5).headers
                for origin in ("http://a.example", "https://b.example", "http://c.example", "xhttp://a.example")
            ]
            answers.append([h.get("Access-Control-Allow-Origin") for h in heard])
    assert answers[0] == answers[1] == ["http://a.example", "https://b.example", None, None]


def test_it_ends_when_it_is_asked_to(tmp_path: Path, config: Path) -> None:
    for start in (opsctl, prometheus):
        with start(tmp_path / start.__name__, config) as server:
            answer = requests.post(f"{server.url}/-/quit", timeout=5)
            assert (answer.status_code, answer.text) == (200, "Requesting termination... Goodbye!")
            assert server.process.wait(15) == 0


def test_what_steers_is_closed_unless_it_is_opened(tmp_path: Path, config: Path) -> None:
    port = free_port()
    command = [
        str(_python()),
        "-m",
        "opsctl",
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={tmp_path / 'd'}",
    ]
    url = f"http://127.0.0.1:{port}"
    with started([*command, f"--web.listen-address=127.0.0.1:{port}"], lambda: _ok(f"{url}/-/ready"), tmp_path / "log"):
        for path in ("/-/quit", "/-/reload"):
            answer = requests.put(url + path, timeout=5)
            assert (answer.status_code, answer.text) == (403, "Lifecycle API is not enabled.")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder, target = tmp_path_factory.mktemp("served"), Target()
    file = folder / "prometheus.yml"
    file.write_text(
        CONFIG.format(address=target.address).replace("rule_files: [rules.yml]\n", "")
        + "  - {job_name: hidden, basic_auth: {username: u, password: hush}, static_configs: [{targets: ['127.0.0.1:2']}]}\n"
    )
    with opsctl(folder / "data", file, "--web.page-title=Ours & <yours>", "--query.max-concurrency=3") as running:
        yield running
    target.close()


def test_the_page_for_people(server: Server) -> None:
    for path in ("/", "/query", "/alerts", "/targets", "/graph?g0.expr=up"):
        page = requests.get(server.url + path, timeout=5)
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "<title>Ours &amp; &lt;yours&gt;</title>" in page.text
    graph = requests.get(f"{server.url}/graph?g0.expr=up", timeout=5, allow_redirects=False)
    assert (graph.status_code, graph.headers["Location"]) == (302, "/query?g0.expr=up")


def test_the_configuration_is_shown_with_defaults_and_without_secrets(server: Server) -> None:
    text = server.data("status/config")["yaml"]
    assert "hush" not in text
    assert "password: <secret>" in text
    assert "  scrape_interval: 500ms\n" in text
    assert "  metrics_path: /metrics\n" in text
    assert "    action: drop\n" in text
    assert "    separator: ;\n    regex: dropped.*\n    replacement: $1\n    action: drop\n" in text


def test_features_are_listed(server: Server) -> None:
    found = server.data("features")
    assert (found["api"]["lifecycle"], found["api"]["admin"]) == (True, False)
    assert (found["promql_functions"]["rate"], found["promql_functions"]["info"]) == (True, False)
    assert all(isinstance(there, bool) for kind in found.values() for there in kind.values())


def test_a_function_that_is_listed_is_there(server: Server) -> None:
    names = [name for name, there in server.data("features")["promql_functions"].items() if there]
    assert len(names) > 60
    for name in names:
        assert "unknown function" not in server.get("/api/v1/format_query", query=f"{name}()").text, name


def test_steps_of_relabelling(server: Server) -> None:
    steps = server.data("targets/relabel_steps", scrapePool="cut", labels='{"__address__": "dropped:1"}')["steps"]
    assert [(s["keep"], s["output"], s["rule"]["action"]) for s in steps] == [(False, {}, "drop")]
    kept = server.data("targets/relabel_steps", scrapePool="cut", labels='{"__address__": "x:1"}')["steps"]
    assert [(s["keep"], s["output"]) for s in kept] == [(True, {"__address__": "x:1"})]


@pytest.mark.parametrize(
    ("path", "params", "said"),
    [
        ("targets/relabel_steps", {}, "no scrapePool parameter provided"),
        ("targets/relabel_steps", {"scrapePool": "cut"}, "no labels parameter provided"),
        ("targets/relabel_steps", {"scrapePool": "cut", "labels": "["}, "error parsing labels: "),
        ("targets/relabel_steps", {"scrapePool": "x", "labels": "{}"}, "error retrieving scrape config: "),
        ("status/tsdb", {"limit": "0"}, "limit must be a positive number"),
        ("status/tsdb", {"limit": "x"}, "limit must be a positive number"),
        ("status/tsdb", {"limit": "10001"}, "limit must not exceed 10000"),
        ("metadata", {"limit_per_metric": "x"}, "limit_per_metric must be a number"),
        ("query", {"query": "1", "lookback_delta": "x"}, 'error parsing lookback delta duration: cannot parse "x" to a valid duration'),
        ("rules", {"exclude_alerts": "x"}, 'invalid parameter "exclude_alerts": error converting exclude_alerts: strconv.ParseBool'),
        ("rules", {"group_limit": "x"}, 'invalid parameter "group_limit": group_limit needs to be a valid number: strconv.ParseInt'),
        ("rules", {"group_limit": "9999999999"}, 'invalid parameter "group_limit": group_limit needs to be a valid number: '),
        ("rules", {"match[]": "{"}, "1:2: parse error: "),
        ("rules", {"match[]": "{}"}, "match[] must contain at least one non-empty matcher"),
    ],
)  # fmt: skip
def test_what_only_prometheus_3_refuses(server: Server, path: str, params: dict[str, str], said: str) -> None:
    answer = server.get(f"/api/v1/{path}", **params)
    assert (answer.status_code, answer.json()["errorType"]) == (400, "bad_data")
    assert answer.json()["error"].startswith(said)


def test_what_is_lacking_says_so(server: Server) -> None:
    for path, status, said in (
        ("read", 501, "remote read is not supported by this server"),
        ("otlp/v1/metrics", 404, "otlp write receiver needs to be enabled with --web.enable-otlp-receiver"),
    ):
        answer = requests.post(f"{server.url}/api/v1/{path}", timeout=5)
        assert (answer.status_code, answer.text.partition(";")[0].strip()) == (status, said)


def test_own_metrics_have_prometheus_names(server: Server) -> None:
    server.get("/metrics")
    page = server.get("/metrics").text
    for line in (
        "prometheus_ready 1.0", "prometheus_build_info{", "prometheus_config_last_reload_successful 1.0",
        'prometheus_http_requests_total{code="200",handler="/api/v1/label/:name/values"} 0.0',
        "prometheus_engine_queries_concurrent_max 3.0", 'prometheus_http_request_duration_seconds_bucket{handler="/metrics",le="0.1"}',
    ):  # fmt: skip
        assert line in page, line


def test_notifications_are_streamed_until_the_client_goes(server: Server) -> None:
    with requests.get(f"{server.url}/api/v1/notifications/live", stream=True, timeout=5) as answer:
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/event-stream; charset=utf-8")
    assert server.data("notifications") == []
