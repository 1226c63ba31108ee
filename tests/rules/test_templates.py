"""Every function of rule templates: the text expected, and the same from promtool where it knows the function."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from opsctl.gotemplate import TemplateError
from opsctl.model.labels import Labels
from opsctl.rules.expand import AlertData, expanded, parse_template
from opsctl.rules.functions import Sample, rule_functions
from tests.rules.promtool import needs_promtool, promtool

URL = "http://h:9090/pre/"
SAMPLES = [
    Sample(Labels({"__name__": "up", "instance": "b", "__value__": "x"}), 2.0),
    Sample(Labels({"__name__": "up", "instance": "a"}), 1.0),
]
OLD = [
    ('{{ toUpper "éa" }}{{ toLower "ÉA" }}', "ÉAéa"),
    ('{{ match "a.*" "xab" }} {{ match "^a" "xab" }}', "true false"),
    ('{{ reReplaceAll "(.*):.*" "$1" "h:9" }} {{ reReplaceAll "(?P<a>x)" "${a}y" "x" }}', "h xy"),
    ('{{ query "sort_desc(up)" | first | strvalue }}', "x"),
    ('{{ query "sort_desc(up)" | first | value }}', "2"),
    ('{{ query "sort_desc(up)" | first | label "instance" }}', "b"),
    ('{{ first (query "sort_desc(up)") }}', "{map[__name__:up __value__:x instance:b] 2}"),
    ('{{ range query "up" | sortByLabel "instance" }}{{ .Labels.instance }}={{ .Value }} {{ end }}', "a=1 b=2 "),
    ('{{ len (query "up") }}', "2"),
    ('{{ stripPort "[::1]:80" }} {{ stripPort "::1" }} {{ stripPort "h" }} {{ stripPort "1.2.3.4:5" }}', "::1 ::1 h 1.2.3.4"),
    ('{{ stripPort "h:" }} {{ stripPort "[::1]" }} {{ stripPort ":80" }}|{{ stripPort "a]:5" }}', "h [::1] |a]:5"),
    ('{{ stripDomain "a.b.c:1" }} {{ stripDomain "1.2.3.4:5" }} {{ stripDomain "[::1]:80" }}', "a:1 1.2.3.4:5 [::1]:80"),
    ('{{ stripDomain "a" }} {{ stripDomain "a.b" }}', "a a"),
    ("{{ 1700000000.5 | toTime }}", "2023-11-14 22:13:20.5 +0000 UTC"),
    ('{{ (1700000000 | toTime).Format "Mon, 02 Jan 2006 15:04:05 MST" }}', "Tue, 14 Nov 2023 22:13:20 UTC"),
    ('{{ (toTime 1700000000).Format "2006-01-02T15:04:05Z07:00 3:04PM Monday January _2 06 .000" }}',
     "2023-11-14T22:13:20Z 10:13PM Tuesday November 14 23 .000"),
    ("{{ with toTime 1700000000 }}{{ .Year }} {{ .Month }} {{ .Day }} {{ .Hour }} {{ .Minute }} {{ .Second }}{{ end }}",
     "2023 November 14 22 13 20"),
    ("{{ with toTime 1700000000 }}{{ .Unix }} {{ .Weekday }} {{ .YearDay }} {{ .UTC }}{{ end }}",
     "1700000000 Tuesday 318 2023-11-14 22:13:20 +0000 UTC"),
    ('{{ safeHtml "<b>" }}', "<b>"),
    ('{{ tableLink "up == 0 ~*()" }}', "/graph?g0.expr=up+%3D%3D+0+~%2A%28%29&g0.tab=1"),
    ('{{ graphLink "up{a=\\"b\\"}" }}', "/graph?g0.expr=up%7Ba%3D%22b%22%7D&g0.tab=0"),
    ('{{ args 1 "a" 2.5 }}', "map[arg0:1 arg1:a arg2:2.5]"),
    ('{{ define "x" }}<{{ .arg0 }}|{{ .arg1 }}>{{ end }}{{ template "x" (args 1 "b") }}', "<1|b>"),
    ('{{ parseDuration "1h30m" }}', "5400"),
    ('{{ humanize "1234567" }} {{ humanize1024 1048576 }} {{ humanizePercentage 0.1234 }}', "1.235M 1Mi 12.34%"),
    ("{{ humanizeDuration 93784.5 }} {{ humanizeTimestamp 1700000000 }}", "1d 2h 3m 4s 2023-11-14 22:13:20 +0000 UTC"),
    ("{{ $labels }} {{ . }}", "map[__name__:v i:1] {map[__name__:v i:1] map[] http://h:9090/pre/ 1234.5}"),
    ("{{ $labels.nope }}|{{ .Labels.nope }}", "|"),
]  # fmt: skip
NEW = [
    ('{{ title "hello wOrld it\'s ünï-x a.b a_b 5a" }}', "Hello WOrld It's Ünï-X A.b A_b 5A"),
    ('{{ title "1,5a a1.b2 o\'neil mc-donald _x" }}', "1,5A A1.b2 O'neil Mc-Donald _X"),
    ('{{ toDuration "+Inf" }} {{ toDuration "NaN" }}', "-2562047h47m16.854775808s -2562047h47m16.854775808s"),
    ("{{ toDuration 0.0015 }} {{ toDuration -1e-9 }} {{ toDuration 59.999 }}", "1.5ms -1ns 59.999s"),
    ("{{ externalURL }} {{ pathPrefix }}", "http://h:9090/pre/ /pre/"),
    ("{{ now | toTime }}", "2023-11-14 22:13:20 +0000 UTC"),
    ("{{ toDuration 3661.5 }} {{ (toDuration 90).Minutes }} {{ (toDuration 5400).Hours }}", "1h1m1.5s 1.5 1.5"),
    (
        "{{ (toDuration 1.5).Seconds }} {{ (toDuration 1.5).Milliseconds }} {{ (toDuration 60).String }}",
        "1.5 1500 1m0s",
    ),
    ('{{ urlQueryEscape "a b&c/ü~*()" }}', "a+b%26c%2F%C3%BC~%2A%28%29"),
]
_GIVEN = re.compile(r'(a\d\d)=("(?:[^"\\]|\\.)*")')


@pytest.mark.parametrize(("text", "expected"), OLD + NEW)
def test_a_function_gives(text: str, expected: str) -> None:
    functions = rule_functions(lambda expr: SAMPLES, URL, 1_700_000_000.0)
    data = AlertData(Labels({"__name__": "v", "i": "1"}), {}, URL, 1234.5)
    assert expanded(text, "A", data, functions) == (expected, "")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{{ match "(" "x" }}', "error calling match: error parsing regexp: missing closing ): `(`"),
        (
            '{{ reReplaceAll "[" "y" "x" }}',
            "error calling reReplaceAll: regexp: Compile(`[`): error parsing regexp: missing closing ]: `[`",
        ),
        ("{{ index $labels 5 }}", "error calling index: value has type int; should be string"),
        ('{{ eq "a" 1.5 }}', "incompatible types for comparison: string and float64"),
        ('{{ parseDuration "x" }}', 'not a valid duration string: "x"'),
        ("{{ title 5 }}", "expected string; got 5"),
        ("{{ toUpper }}", "wrong number of args for toUpper"),
        ("{{ first 5 }}", "expected template.queryResult; got 5"),
        ('{{ label "a" 5 }}', "expected *template.sample; got 5"),
        ('{{ toTime "abc" }}', 'parsing "abc": invalid syntax'),
        ('{{ humanizePercentage "0x1f" }}', 'parsing "0x1f": invalid syntax'),
        ("{{ humanize true }}", "can't convert bool to float"),
        ("{{ humanizeTimestamp 1e30 }}", "overflows int64"),
        ('{{ toTime "NaN" }}', "error calling toTime: value is NaN or Inf"),
        ('{{ toTime "-Inf" | print }}', "error calling toTime: value is NaN or Inf"),
        ("{{ toTime 1e12 }}", "error calling toTime: 1e+12 cannot be represented as a nanoseconds timestamp"),
        ("{{ (toTime 1).Nothing }}", "can't evaluate field Nothing"),
        ("{{ (toTime 1e30).Year }}", "overflows int64"),
    ],
)
def test_what_a_function_refuses_is_told_in_the_text(text: str, reason: str) -> None:
    functions = rule_functions(lambda expr: SAMPLES, URL, 1_700_000_000.0)
    said, error = expanded(text, "A", AlertData(Labels(), {}, URL, 1.0), functions)
    assert said.startswith("<error expanding template: error executing template __alert_A: ")
    assert reason in error


def test_tmpl_is_for_consoles_only() -> None:
    with pytest.raises(TemplateError, match='function "tmpl" not defined'):
        parse_template('{{ tmpl "x" 1 }}', "A")


@needs_promtool
def test_promtool_gives_the_same(tmp_path: Path) -> None:
    """All in one alert, an annotation each."""
    annotations = {f"a{place:02d}": text for place, (text, _) in enumerate(OLD)}
    rules = {"groups": [{"name": "g", "rules": [{"alert": "A", "expr": "v", "annotations": annotations}]}]}
    series = [
        {"series": 'v{i="1"}', "values": "1234.5"},
        {"series": 'up{instance="b",__value__="x"}', "values": "2"},
        {"series": 'up{instance="a"}', "values": "1"},
    ]
    test = {
        "interval": "1m", "input_series": series, "external_url": URL,
        "alert_rule_test": [{"eval_time": "0m", "alertname": "A"}],
    }  # fmt: skip
    (tmp_path / "r.yml").write_text(json.dumps(rules))
    (tmp_path / "t.yml").write_text(json.dumps({"rule_files": ["r.yml"], "tests": [test]}))
    told = promtool("test", "rules", "t.yml", cwd=tmp_path).stderr
    given = {name: json.loads(text) for name, text in _GIVEN.findall(told)}
    assert given == {f"a{place:02d}": expected for place, (_, expected) in enumerate(OLD)}
