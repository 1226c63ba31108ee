"""prometheus.yml: defaults, what is refused and in which line."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsctl.core.errors import DocumentError
from opsctl.scrape.config import load_config
from opsctl.scrape.target import Dropped, Target, expand

GOOD = """
global: {scrape_interval: 15s, evaluation_interval: 30s, external_labels: {site: one}}
rule_files: ["rules/*.yml", other.yml]
alerting:
  alertmanagers:
    - {path_prefix: /am, static_configs: [{targets: ["h:9093"]}]}
scrape_configs:
  - job_name: a
    static_configs: [{targets: ["h:1", h2], labels: {service: x}}]
  - job_name: b
    scrape_interval: 5s
    scheme: https
    metrics_path: /m
    params: {p: [q, r], module: [one]}
    static_configs: [{targets: ["h:1", "drop:1"]}]
    relabel_configs:
      - {source_labels: [__address__], regex: "drop.*", action: drop}
      - {target_label: __param_module, replacement: two}
      - {target_label: instance, replacement: named}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "prometheus.yml"
    path.write_text(text)
    return path


def test_defaults_and_targets(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    for name in ("rules/b.yml", "rules/a.yml"):
        (tmp_path / name).write_text("groups: []")
    config = load_config(write(tmp_path, GOOD))
    a, b = config.scrape_configs
    assert (a.scrape_interval, a.scrape_timeout, b.scrape_interval, b.scrape_timeout) == (15, 10, 5, 5)
    assert [p.name for p in config.rule_paths()] == ["a.yml", "b.yml"]
    first, second = expand(a, a.static_configs)
    assert isinstance(first, Target)
    assert isinstance(second, Target)
    assert (first.url, dict(first.labels)) == ("http://h:1/metrics", {"job": "a", "service": "x", "instance": "h:1"})
    assert (second.url, second.labels["instance"]) == ("http://h2/metrics", "h2")
    third, fourth = expand(b, b.static_configs)
    assert isinstance(third, Target)
    assert (third.url, third.labels["instance"]) == ("https://h:1/m?module=two&p=q&p=r", "named")
    assert isinstance(fourth, Dropped)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("global:\n  scrape_intervall: 5s", 2, "did you mean 'scrape_interval'"),
        ("storage: {exemplars: {max_exemplars: 1}}", 1, "exemplars: is a Prometheus setting that opsctl does not have"),
        ("storage:\n  tsdb:\n    retention: {time: 1d}", 3, "retention: is a Prometheus setting"),
        ("storage:\n  tsdb:\n    out_of_order_time_window: 5x", 3, "not a valid duration"),
        ("remote_read: []", 1, "remote_read: is a Prometheus setting that opsctl does not have"),
        ("scrape_configs:\n- job_name: a\n  kubernetes_sd_configs: []", 3, "kubernetes_sd_configs: is a Prometheus"),
        ("scrape_configs:\n- job_name: a\n  no_proxy: x", 3, "proxy_url must also be configured"),
        (
            "scrape_configs:\n- job_name: a\n  tls_config: {cert_file: x}",
            3,
            "exactly one of key or key_file must be configured",
        ),
        (
            "scrape_configs:\n- job_name: a\n  http_headers: {Host: {values: [x]}}",
            3,
            'setting header "Host" is not allowed',
        ),
        (
            "scrape_configs:\n- job_name: a\n  basic_auth: {}\n  bearer_token: x",
            2,
            "at most one of basic_auth, oauth2, bearer_token",
        ),
        ("scrape_configs:\n- job_name: a\n  body_size_limit: 5x", 3, "not a valid size"),
        ("scrape_configs:\n- job_name: a\n  label_limit: -1", 3, "greater than or equal to 0"),
        ("scrape_configs:\n- job_name: a\n  fallback_scrape_protocol: PrometheusProto", 3, "no protobuf"),
        (
            "scrape_configs:\n- job_name: a\n  http_sd_configs:\n  - url: ftp://x",
            4,
            "URL scheme must be 'http' or 'https'",
        ),
        (
            "scrape_configs:\n- job_name: a\n  http_sd_configs:\n  - {url: http://x, oauth2: {}}",
            4,
            "oauth2 client_id must be configured",
        ),
        ("scrape_configs:\n- job_name: a\n  static_confgs: []", 3, "did you mean 'static_configs'"),
        ("scrape_configs:\n- job_name: a\n- job_name: a", 3, 'found multiple scrape configs with job name "a"'),
        ("scrape_configs:\n- job_name: a\n  scrape_interval: 5x", 3, "not a valid duration"),
        (
            "scrape_configs:\n- job_name: a\n  scrape_interval: 5s\n  scrape_timeout: 6s",
            4,
            "scrape timeout greater than scrape interval",
        ),
        ("scrape_configs:\n- {static_configs: []}", 2, "job_name is empty"),
        (
            "scrape_configs:\n- job_name: a\n  static_configs:\n  - targets: ['http://h/x']",
            4,
            "is not a valid hostname",
        ),
        ("scrape_configs:\n- job_name: a\n  relabel_configs:\n  - {action: repace}", 4, "did you mean 'replace'"),
        ("scrape_configs:\n- job_name: a\n  metric_relabel_configs:\n  - {regex: '('}", 4, "bad regular expression"),
        ("alerting:\n  alertmanagers:\n  - api_version: v1", 3, "one of [v2] but got v1"),
        ("alerting:\n  alertmanagers:\n  - consul_sd_configs: []", 3, "consul_sd_configs: is a Prometheus setting"),
        ("global:\n  query_log_file: x", 2, "query_log_file: is a Prometheus setting"),
        ("global:\n  scrape_native_histograms: true", 2, "opsctl has no native histograms"),
        ("global:\n  scrape_protocols: [PrometheusProto]", 2, "opsctl reads no protobuf"),
        ("global:\n  metric_name_validation_scheme: legacy\n  external_labels: {a.b: c}", 3, "not a valid label name"),
        ("storage:\n  tsdb:\n    retention: {time: 1d}", 3, "use the flags"),
        ("scrape_configs:\n- job_name: a\n  scrape_interval: 15", 3, "not a valid duration"),
        ("scrape_configs:\n- job_name: a\n-", 3, "empty or null entry"),
        ("scrape_configs: &a [*a]", 1, "an alias contains itself"),
        ("a: [", 1, ""),
        ("- 1", 1, ""),
        ("scrape_configs: 3", 1, "scrape_configs"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        load_config(write(tmp_path, text))
    problem = caught.value.problems[0]
    assert problem.line == line
    assert said in str(problem)


def test_jobs_of_other_files_come_after_and_are_checked_with_them(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "b.yml").write_text("scrape_configs:\n- job_name: b\n  sample_limit: 9\n")
    (tmp_path / "jobs" / "c.yml").write_text("scrape_configs: [{job_name: c}]")
    file = write(
        tmp_path,
        "global: {scrape_interval: 7s, body_size_limit: 2KB, sample_limit: 5, rule_query_offset: 3s}\n"
        "scrape_config_files: [jobs/*.yml]\nscrape_configs: [{job_name: a}]",
    )
    config = load_config(file)
    found = [(j.job_name, j.scrape_interval, j.sample_limit, j.body_size_limit) for j in config.scrape_configs]
    assert found == [("a", 7, 5, 2048), ("b", 7, 9, 2048), ("c", 7, 5, 2048)]
    assert config.global_.rule_query_offset == 3
    (tmp_path / "jobs" / "c.yml").write_text("scrape_configs:\n- job_name: d\n- job_name: a")
    with pytest.raises(DocumentError) as caught:
        load_config(file)
    problem = caught.value.problems[0]
    assert (problem.file, problem.line) == (str(tmp_path / "jobs" / "c.yml"), 3)
    assert problem.message == 'found multiple scrape configs with job name "a"'


def test_external_labels_take_the_environment(tmp_path: Path) -> None:
    odd = "e: '$ 5$', f: '$1a', g: '$SITE-$SITE.x'"
    file = write(
        tmp_path, f"global: {{external_labels: {{a: 'x-${{SITE}}', b: $SITE, c: '$$SITE', d: '${{NONE}}', {odd}}}}}"
    )
    labels = load_config(file, {"SITE": "one"}).global_.external_labels
    assert labels == {"a": "x-one", "b": "one", "c": "$SITE", "d": "", "e": "$ 5$", "f": "a", "g": "one-one.x"}


def test_a_plain_scalar_keeps_its_spelling_where_a_string_is_wanted(tmp_path: Path) -> None:
    written = "{version: 1.10, on: yes, hex: 0x1F, day: 2026-01-01, none: ~, big: 1e3, truth: True}"
    file = write(
        tmp_path,
        f"global: {{external_labels: {written}}}\n"
        f"scrape_configs: [{{job_name: 007, static_configs: [{{targets: [h], labels: {written}}}]}}]",
    )
    config = load_config(file)
    expected = {"version": "1.10", "on": "yes", "hex": "0x1F", "day": "2026-01-01", "big": "1e3", "truth": "True"}
    assert config.global_.external_labels == expected
    assert config.scrape_configs[0].static_configs[0].labels == expected
    assert config.scrape_configs[0].job_name == "007"


def test_manners_come_down_from_the_global_part(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "global: {metric_name_validation_scheme: legacy, scrape_protocols: [PrometheusText0.0.4],\n"
        "  extra_scrape_metrics: true, scrape_failure_log_file: failed.log}\n"
        "scrape_configs:\n- job_name: a\n- {job_name: b, metric_name_validation_scheme: utf8,\n"
        "  scrape_protocols: [OpenMetricsText1.0.0], extra_scrape_metrics: false, scrape_failure_log_file: own.log}\n",
    )
    a, b = load_config(file).scrape_configs
    assert (a.scrape_protocols, b.scrape_protocols) == (("PrometheusText0.0.4",), ("OpenMetricsText1.0.0",))
    assert (a.metric_name_escaping_scheme, b.metric_name_escaping_scheme) == ("underscores", "allow-utf-8")
    assert (a.extra_scrape_metrics, b.extra_scrape_metrics) == (True, False)
    assert a.scrape_failure_log_file == str(tmp_path.resolve() / "failed.log")
    assert b.scrape_failure_log_file == str(tmp_path.resolve() / "own.log")
