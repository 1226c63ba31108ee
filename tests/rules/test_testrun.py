"""Unit tests of rules: the same verdicts, words and exit codes as promtool."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsctl.rules.testrun import run_test_file
from tests.rules.promtool import needs_promtool, opsctl, promtool

RULES_YML = r"""
groups:
- name: second
  rules:
  - record: job:up:twice
    expr: job:up:sum * 2
- name: first
  interval: 30s
  rules:
  - record: job:up:sum
    expr: sum by (job) (up)
    labels: {src: rec}
  - alert: Down
    expr: up == 0
    for: 1m
    keep_firing_for: 2m
    labels: {severity: '{{ if eq $labels.job "a" }}critical{{ else }}warning{{ end }}'}
    annotations:
      summary: 'down {{ $labels.instance }} {{ $externalLabels.region }} {{ $value }} {{ $externalURL }}'
      query: '{{ range query "up" | sortByLabel "instance" }}{{ .Labels.instance }}={{ .Value }} {{ end }}{{ with query "up{job=\"a\"}" }}{{ . | first | value }} {{ . | first | label "job" }}{{ end }}'
      words: '{{ "a b" | title }} {{ toUpper "x" }} {{ toLower "X" }} {{ match "a.*" "abc" }} {{ reReplaceAll "(b)" "<$1>" "abc" }} {{ stripPort "h:9" }} {{ stripDomain "h.d.e:9" }} {{ parseDuration "1h30m" }} {{ args 1 2 }} {{ safeHtml "<" }} {{ tableLink "up == 0" }} {{ graphLink "up" }} {{ 0 | toTime }}'
  - alert: Numbers
    expr: n
    annotations:
      v: '{{ $value }} {{ printf "%.2f|%8.3e|%-6v|%+v" $value $value "ab" $value }} {{ humanize $value }} {{ humanize1024 $value }} {{ humanizeDuration $value }} {{ humanizePercentage $value }} {{ $labels }} {{ if gt $value 1.0 }}big{{ else }}small{{ end }}'
"""
VALUES = ("1000000", "123456789.25", "0.00001234", "100000", "0", "-12.5", "NaN", "Inf", "0.001234", "93784.5", "59.999",
          "1048576", "3600", "1e18")  # fmt: skip
NUMBERS = "".join(f"  - {{series: 'n{{i=\"{i:02d}\"}}', values: '{v}'}}\n" for i, v in enumerate(VALUES))

FAILING = (
    """
rule_files: [rules.yml]
evaluation_interval: 30s
group_eval_order: [first, second]
tests:
- interval: 1m
  name: one
  external_labels: {region: cn}
  external_url: http://x.y:9/pre/
  input_series:
  - {series: 'up{job="a", instance="h1:1"}', values: '1 0x3 1x5'}
  - {series: 'up{job="b", instance="h2:1"}', values: '0 _ stale 1 _x2 1+1x2 9-1x2'}
"""
    + NUMBERS
    + """
  alert_rule_test:
  - {eval_time: 0m, alertname: Down}
  - {eval_time: 0m, alertname: Numbers}
  - {eval_time: 2m, alertname: Down, exp_alerts: [{exp_labels: {a: b}, exp_annotations: {c: d}}]}
  - {eval_time: 150s, alertname: Down}
  - {eval_time: 6m10s, alertname: Down}
  - {eval_time: 7m, alertname: Down}
  - {eval_time: 1m, alertname: Nothing, exp_alerts: [{exp_labels: {severity: page}}]}
  promql_expr_test:
  - {expr: job:up:sum, eval_time: 1m, exp_samples: [{labels: 'job:up:sum{job="a",src="rec"}', value: 5}]}
  - {expr: job:up:twice, eval_time: 6m}
  - {expr: 'ALERTS{alertname="Down"}', eval_time: 2m}
  - {expr: 'ALERTS_FOR_STATE{alertname="Down"}', eval_time: 2m, exp_samples: [{labels: 'x', value: 1.5}]}
  - {expr: '1+1', eval_time: 1m, exp_samples: [{labels: '{}', value: 3}]}
  - {expr: 'up', eval_time: 8m}
  - {expr: 'up', eval_time: 20m}
  - {expr: 'up[2m]', eval_time: 1m}
  - {expr: 'up(', eval_time: 1m}
  - {expr: '"a"', eval_time: 1m}
  - {expr: 'n < 1', eval_time: 1m, exp_samples: [{labels: n, value: -0.00012345}, {labels: 'n{a="1"}', value: 1e30}]}
"""
)
PASSING = """
rule_files: [rules.yml]
evaluation_interval: 1m
tests:
- interval: 1m
  external_labels: {region: cn}
  input_series:
  - {series: 'up{job="b", instance="h2:1"}', values: '1 0x9'}
  - series: m_total
    values: 0+60x10
  alert_rule_test:
  - {eval_time: 1m, alertname: Down, exp_alerts: []}
  - eval_time: 2m30s
    alertname: Down
    exp_alerts:
    - exp_labels: {job: b, instance: 'h2:1', severity: warning}
      exp_annotations:
        summary: 'down h2:1 cn 0 '
        query: 'h2:1=0 '
        words: 'A B X x true a<b>c h h:9 5400 map[arg0:1 arg1:2] < /graph?g0.expr=up+%3D%3D+0&g0.tab=1 /graph?g0.expr=up&g0.tab=0 1970-01-01 00:00:00 +0000 UTC'
  promql_expr_test:
  - {expr: 'rate(m_total[4m30s])', eval_time: 9m, exp_samples: [{value: 1}]}
  - {expr: 'up * 2', eval_time: 3m, exp_samples: [{labels: '{job="b", instance="h2:1"}', value: 0}]}
  - {expr: 'sum(up)', eval_time: 30m, exp_samples: []}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules.yml").write_text(RULES_YML)
    (tmp_path / "failing.yml").write_text(FAILING)
    (tmp_path / "passing.yml").write_text(PASSING)
    return tmp_path


@needs_promtool
@pytest.mark.parametrize("name", ["failing.yml", "passing.yml"])
def test_output_and_exit_code_are_promtools(folder: Path, name: str) -> None:
    theirs = promtool("test", "rules", name, cwd=folder)
    ours = opsctl("rules", "test", name, cwd=folder)
    assert ours.returncode == theirs.returncode, ours.stderr
    assert ours.stderr.splitlines() == theirs.stderr.splitlines()
    assert ours.stdout.split() == theirs.stdout.split()


def test_passing(folder: Path) -> None:
    outcome = run_test_file(folder / "passing.yml")
    assert outcome.failures == ()
    assert outcome.tests == 1


def test_samples_after_the_last_evaluation_are_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "t.yml").write_text(
        "evaluation_interval: 1m\ntests:\n- interval: 10s\n  input_series: [{series: m, values: '0+1x20'}]\n"
        "  promql_expr_test: [{expr: m, eval_time: 90s, exp_samples: [{labels: m, value: 6}]}]\n"
    )
    assert run_test_file(tmp_path / "t.yml").passed


def test_an_annotation_that_says_nothing_is_one(tmp_path: Path) -> None:
    rule = "{alert: A, expr: m, annotations: {quiet: '{{ $labels.nope }}', s: x}}"
    (tmp_path / "r.yml").write_text(f"groups: [{{name: g, rules: [{rule}]}}]")
    expected = "exp_alerts: [{exp_annotations: {%s}}]"
    for given, passed in (("quiet: '', s: x", True), ("s: x", False)):
        (tmp_path / "t.yml").write_text(
            "rule_files: [r.yml]\ntests:\n- input_series: [{series: m, values: '1'}]\n"
            f"  alert_rule_test: [{{eval_time: 0m, alertname: A, {expected % given}}}]\n"
        )
        assert run_test_file(tmp_path / "t.yml").passed is passed


def test_fuzzy_compare_allows_the_last_bit(tmp_path: Path) -> None:
    text = (
        "tests:\n- interval: 1m\n  input_series: [{series: m, values: '0.1'}]\n"
        "  promql_expr_test: [{expr: m * 3, eval_time: 0m, exp_samples: [{labels: '{}', value: 0.3}]}]\n"
    )
    (tmp_path / "exact.yml").write_text(text)
    (tmp_path / "fuzzy.yml").write_text("fuzzy_compare: true\n" + text)
    assert not run_test_file(tmp_path / "exact.yml").passed
    assert run_test_file(tmp_path / "fuzzy.yml").passed


def test_an_expected_nan_never_matches(tmp_path: Path) -> None:
    (tmp_path / "t.yml").write_text(
        "tests:\n- interval: 1m\n  input_series: [{series: m, values: 'NaN'}]\n"
        "  promql_expr_test: [{expr: m, eval_time: 0m, exp_samples: [{labels: m, value: .nan}]}]\n"
    )
    assert not run_test_file(tmp_path / "t.yml").passed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tests: [{input_serie: []}]", "did you mean 'input_series'?"),
        ("fuzz: 1\n", "unknown key"),
        (
            "tests: [{interval: 1m, input_series: [{series: 'm{', values: '1'}]}]",
            "unexpected end of input inside braces",
        ),
        ("tests: [{interval: 1m, input_series: [{series: m, values: '1 2x'}]}]", "unexpected '2x' in series values"),
        ("tests: [{interval: 1m, input_series: [{series: m, values: '{{schema:1}}'}]}]", "native histograms"),
        ("tests: [{interval: 1m, input_series: [{series: m, values: '1x9999999999'}]}]", "more than"),
        ("tests: [{alert_rule_test: [{eval_time: 1m}]}]", "misses required attribute alertname at eval_time 1m"),
        ("evaluation_interval: 1ms\ntests: [{alert_rule_test: [{eval_time: 1y, alertname: a}]}]", "would evaluate"),
        ("group_eval_order: [a, a]\n", "group name repeated in evaluation order: a"),
        ("rule_files: [bad.yml]\n", "bad.yml:1: nonsense: unknown key"),
    ],
)
def test_a_bad_test_file_is_a_failure_that_names_it(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bad.yml").write_text("nonsense: 1\n")
    (tmp_path / "t.yml").write_text(text)
    outcome = run_test_file(tmp_path / "t.yml")
    assert message in "\n".join(outcome.failures)


def test_the_command(folder: Path) -> None:
    done = opsctl("rules", "test", "passing.yml", "--json", cwd=folder)
    assert done.returncode == 0
    assert '"ok": true' in done.stdout
    done = opsctl("rules", "test", "failing.yml", "--run", "none of them", cwd=folder)
    assert done.returncode == 0
    done = opsctl("rules", "test", "missing.yml", cwd=folder)
    assert done.returncode == 1


def test_run_chooses_by_name(tmp_path: Path) -> None:
    failing = "{{name: {}, promql_expr_test: [{{expr: '1', eval_time: 0m}}]}}"
    (tmp_path / "t.yml").write_text(
        f"tests: [{failing.format('burn fast')}, {failing.format('disk')}, {failing.format('c')}]"
    )
    for flags, failures in (
        ([], 3),
        (["--run", "burn|disk"], 2),
        (["--run", "^c$", "--run", "^disk"], 2),
        (["--run", "x"], 0),
    ):
        done = opsctl("rules", "test", "t.yml", *flags, cwd=tmp_path)
        assert done.stderr.count("got:") == failures
        assert done.returncode == (1 if failures else 0)
    assert opsctl("rules", "test", "t.yml", "--run", "(", cwd=tmp_path).returncode == 2


def test_a_difference_shows_what_is_missing_and_what_is_not_expected(folder: Path) -> None:
    done = opsctl("rules", "test", "failing.yml", "--diff", cwd=folder)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert "        exp:" not in done.stderr
    assert '          -   Labels:{a="b", alertname="Down"}' in lines
    assert "          - {} 3E+00" in lines
    assert "          + {} 2E+00" in lines
