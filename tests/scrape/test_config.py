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
    assert config.alerting.alertmanagers[0].urls() == ("http://h:9093/am/api/v2/alerts",)
    first, second = expand(a, a.static_configs)
    assert isinstance(first, Target)
    assert isinstance(second, Target)
    assert (first.url, dict(first.labels)) == ("http://h:1/metrics", {"job": "a", "service": "x", "instance": "h:1"})
    assert (second.url, second.labels["instance"]) == ("http://h2:80/metrics", "h2")
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
        ("scrape_configs:\n- job_name: a\n  proxy_url: x", 3, "proxy_url: is a Prometheus setting"),
        ("scrape_configs:\n- job_name: a\n  tls_config: {cert_file: x}", 3, "needs cert_file and key_file together"),
        ("scrape_configs:\n- job_name: a\n  http_headers: {Host: {values: [x]}}", 3, "cannot be set"),
        ("scrape_configs:\n- job_name: a\n  basic_auth: {}\n  bearer_token: x", 2, "takes one of basic_auth"),
        ("scrape_configs:\n- job_name: a\n  body_size_limit: 5x", 3, "not a valid size"),
        ("scrape_configs:\n- job_name: a\n  label_limit: -1", 3, "greater than or equal to 0"),
        ("scrape_configs:\n- job_name: a\n  fallback_scrape_protocol: PrometheusProto", 3, "no protobuf"),
        ("scrape_configs:\n- job_name: a\n  http_sd_configs:\n  - url: ftp://x", 4, "not an http or https URL"),
        ("scrape_configs:\n- job_name: a\n  http_sd_configs:\n  - {url: http://x, oauth2: {}}", 4, "oauth2: is a Prom"),
        ("scrape_configs:\n- job_name: a\n  static_confgs: []", 3, "did you mean 'static_configs'"),
        ("scrape_configs:\n- job_name: a\n- job_name: a", 3, "twice"),
        ("scrape_configs:\n- job_name: a\n  scrape_interval: 5x", 3, "not a valid duration"),
        ("scrape_configs:\n- job_name: a\n  scrape_interval: 5s\n  scrape_timeout: 6s", 4, "longer than"),
        ("scrape_configs:\n- {static_configs: []}", 2, "is required"),
        ("scrape_configs:\n- job_name: a\n  static_configs:\n  - targets: ['http://h/x']", 4, "not HOST:PORT"),
        ("scrape_configs:\n- job_name: a\n  relabel_configs:\n  - {action: repace}", 4, "did you mean 'replace'"),
        ("scrape_configs:\n- job_name: a\n  metric_relabel_configs:\n  - {regex: '('}", 4, "bad regular expression"),
        ("alerting:\n  alertmanagers:\n  - relabel_configs: []", 3, "is a Prometheus setting"),
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
    assert "twice" in problem.message


def test_external_labels_take_the_environment(tmp_path: Path) -> None:
    file = write(tmp_path, "global: {external_labels: {a: 'x-${SITE}', b: $SITE, c: '$$SITE', d: '${NONE}'}}")
    labels = load_config(file, {"SITE": "one"}).global_.external_labels
    assert labels == {"a": "x-one", "b": "one", "c": "$SITE", "d": ""}
