"""Notification templates render as Debian's amtool renders them, default templates and functions alike."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from opsctl.alerts.batch import Batch
from opsctl.alerts.notification_data import template_data
from opsctl.alerts.notification_templates import Templates, built_in, read_templates
from opsctl.core.errors import DocumentError
from opsctl.gotemplate import TemplateError
from opsctl.gotemplate.gojson import go_json
from opsctl.model.alert import Alert
from opsctl.model.labels import Labels
from tests.servers import need

THEIRS = "/usr/share/prometheus/alertmanager/*.tmpl"
START, END = 1_700_000_000.123, 1_700_003_600.5


def alert(name: str, ends: float | None = None, **labels: str) -> Alert:
    annotations = {"summary": f"{name} is <b>bad</b> & 坏", "runbook": "http://wiki/a b?x=1&y=2"}
    return Alert(
        labels=Labels({"alertname": name, "job": "api", **labels}), annotations=Labels(annotations), starts_at=START,
        ends_at=ends, generator_url='http://prom/graph?g0.expr=up%3D0&x="y"',
    )  # fmt: skip


def batch(*alerts: Alert, group: dict[str, str] | None = None) -> Batch:
    return Batch(
        receiver="team.X+1", group_key="{}:{}", group_labels=Labels({"alertname": "Down"} if group is None else group),
        alerts=alerts, now=END, external_url="http://am:9093/prefix",
    )  # fmt: skip


BATCHES = {
    "one": batch(alert("Down", instance="a:9100", severity="critical")),
    "mixed": batch(alert("Down", instance="a"), alert("Down", instance="b"), alert("Down", END, instance="c")),
    "resolved": batch(alert("Down", END, instance="a", zone="<i>'z'</i>")),
    "no group": batch(alert("Down"), alert("Up", job="other"), group={}),
    "all in group": batch(alert("Down"), group={"alertname": "Down", "job": "api"}),
}
NAMES = [
    "__alertmanager", "__alertmanagerURL", "__subject", "__description", "email.default.subject",
    "wechat.default.message", "wechat.default.to_user", "slack.default.title", "slack.default.fallback",
    "slack.default.username", "slack.default.titlelink", "slack.default.text", "pagerduty.default.description",
    "pagerduty.default.client", "pagerduty.default.clientURL", "opsgenie.default.message",
    "opsgenie.default.description", "opsgenie.default.source", "victorops.default.state_message",
    "victorops.default.entity_display_name", "victorops.default.monitoring_tool", "pushover.default.title",
    "pushover.default.message", "pushover.default.url", "sns.default.subject", "sns.default.message",
    "telegram.default.message", "discord.default.title", "discord.default.message", "webex.default.message",
]  # fmt: skip
TEXTS = [
    '{{ template "__text_alert_list" .Alerts }}',
    '{{ template "pagerduty.default.instances" .Alerts.Firing }}',
    "{{ .Receiver }} {{ .Status }} {{ .ExternalURL }} {{ len .Alerts }}",
    "{{ range .Alerts }}{{ .Status }} {{ .Fingerprint }} {{ .GeneratorURL }}{{ end }}",
    "{{ range .Alerts }}{{ .StartsAt }} {{ .EndsAt }}\n{{ end }}",
    '{{ range .Alerts }}{{ .StartsAt.Format "Mon, 2 Jan 2006 15:04:05 MST" }}{{ end }}',
    '{{ (index .Alerts 0).StartsAt.Format "2006-01-02T15:04:05.000Z07:00 .999999 _2 3PM pm 06 1 002 January Monday" }}',
    "{{ (index .Alerts 0).StartsAt.Unix }} {{ (index .Alerts 0).StartsAt.Year }} {{ (index .Alerts 0).StartsAt.Month }}",
    "{{ ((index .Alerts 0).EndsAt.Sub (index .Alerts 0).StartsAt).Hours }}",
    "{{ (index .Alerts 0).StartsAt.Weekday }} {{ (index .Alerts 0).EndsAt.IsZero }}",
    "{{ .CommonLabels.SortedPairs.Names }} {{ .CommonLabels.SortedPairs.Values }}",
    '{{ .CommonLabels.Names | join ", " }} / {{ .CommonAnnotations.Values | join "," }}',
    '{{ (.CommonLabels.Remove (stringSlice "job" "nope")).Names }}',
    "{{ range .CommonLabels.SortedPairs }}{{ .Name }}={{ .Value }};{{ end }}",
    "{{ range $k, $v := .CommonLabels }}{{ $k }}:{{ $v }} {{ end }}",
    "{{ range $i, $a := .Alerts.Firing }}{{ $i }}{{ $a.Labels.instance }}{{ else }}none{{ end }}",
    "{{ .CommonLabels.nope }}|{{ .CommonLabels.job }}|{{ with .CommonLabels.nope }}x{{ else }}y{{ end }}",
    '{{ "abc def" | toUpper }} {{ "ABC" | toLower }} {{ title "hello wORLD don\'t foo-bar foo_bar a.b 3com" }}',
    '{{ match "^D.*n$" .CommonLabels.alertname }} {{ match "x" "abc" }}',
    '{{ reReplaceAll "(a)(b+)" "$2-${1}x$3" "abb ab" }}',
    '{{ reReplaceAll "^(.*):.*$" "$1" "host:9100" }}',
    '{{ join "-" (stringSlice "a" "b") }} {{ stringSlice "x" "y" }}',
    '{{ safeHtml "<b>" }} {{ "<i>" }} {{ html "<i>\\"&\'" }} {{ js "a\'b<c" }} {{ urlquery "a b&c/~" }}',
    '{{ printf "%s %q %d %05.1f %v %t %x" "a" "b" 3 2.5 .Status true "hi" }}',
    "{{ if and (eq .Status \"firing\") (gt (len .Alerts) 1) }}many{{ else if or false true }}few{{ end }}",
    '{{ $x := "a" }}{{ range .Alerts }}{{ $x = print $x "b" }}{{ end }}{{ $x }}',
    '{{ define "t" }}<{{ . }}>{{ end }}{{ template "t" "x" }}{{ block "u" .Status }}[{{ . }}]{{ end }}',
    "a {{- /* c */ -}} b {{ 1 -}}  c {{- 2 }}",
    "{{ eq .Status \"a\" \"firing\" }} {{ ne 1 2 }} {{ lt 1 2 }} {{ ge 2 2 }} {{ not true }} {{ len \"中文\" }}",
    "{{ slice \"abcdef\" 1 3 }} {{ index (stringSlice \"a\" \"b\") 1 }}",
    "{{ range .Alerts }}{{ if eq .Labels.instance \"b\" }}{{ continue }}{{ end }}{{ .Labels.instance }}{{ end }}",
    "{{ range .Alerts }}{{ .Labels.instance }}{{ break }}{{ end }}",
    "{{ 1.5 }} {{ 0x10 }} {{ 1e3 }} {{ 'a' }} {{ `raw\\n` }} {{ \"\\u4e2d\\t|\" }} {{ true }}",
    "{{ println .Status 1 }}{{ print 1 2 \"a\" \"b\" 3 }}",
    "{{ with $a := index .Alerts 0 }}{{ $a.Labels.alertname }}{{ .Annotations.summary }}{{ end }}",
]  # fmt: skip
PAGES = [
    "<p title='{{ .CommonAnnotations.summary }}'>{{ .CommonAnnotations.summary }}</p>",
    '<a href="{{ .CommonAnnotations.runbook }}">{{ range .Alerts }}<a href="{{ .GeneratorURL }}">{{ end }}',
    '<a href="/x?q={{ .CommonAnnotations.runbook }}&r={{ .Status }}#{{ .CommonAnnotations.summary }}">',
    '<a href="javascript:{{ .Status }}"><a href="{{ "javascript:alert(1)" }}"><a href="{{ "mailto:a@b" }}">',
    "<a href={{ .CommonAnnotations.runbook }} class=x{{ .CommonAnnotations.summary }}>",
    "<!-- gone {{ .Status }} -->kept<title>{{ .CommonAnnotations.summary }}</title>",
    "{{ safeHtml .CommonAnnotations.summary }}<i title=\"{{ safeHtml .CommonAnnotations.summary }}\">",
    '<a href="{{ "tel:1" }}"><a href="{{ "a:b/c" }}"><a href="{{ "a/b:c" }}">',
    "<script>var a = {{ .CommonLabels.alertname }}, b = {{ len .Alerts }}, c = '{{ .CommonAnnotations.summary }}'</script>",
    '<div style="color: {{ "red" }}; width: {{ 3 }}px; x: {{ "expression(1)" }}" onclick="f({{ .CommonAnnotations.summary }})">',
    '<a href="{{ template "__alertmanagerURL" . }}">{{ template "__subject" . }}</a>',
    "<textarea>{{ .CommonAnnotations.summary }}</textarea><br/>{{ .Status }}<hr>{{ 1.5 }}{{ true }}",
    "{{ if eq .Status \"firing\" }}<b class=\"{{ else }}<i class=\"{{ end }}{{ .Status }}\">",
    '<img src="{{ .ExternalURL }}/a.png" alt="{{ .CommonAnnotations.summary | html }}">{{ "<" | html }}',
    "<td>{{ .GroupLabels.nope }}</td><input value='{{ .CommonAnnotations.summary }}' disabled>",
]  # fmt: skip


@pytest.fixture(params=list(BATCHES))
def shown(request: pytest.FixtureRequest) -> Batch:
    return BATCHES[request.param]


def amtool(folder: Path, text: str, batch: Batch, kind: str = "text") -> str:
    file = folder / "data.json"
    file.write_bytes(go_json(template_data(batch)))
    made = subprocess.run(
        [str(need("amtool")), "template", "render", f"--template.glob={THEIRS}", f"--template.text={text}",
         f"--template.type={kind}", f"--template.data={file}"], capture_output=True, text=True, timeout=20,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return made.stdout


def test_built_in_templates(tmp_path: Path, shown: Batch) -> None:
    text = "\n~~~\n".join(f'{{{{ template "{name}" . }}}}' for name in NAMES)
    assert Templates(built_in()).text(text, template_data(shown), END) == amtool(tmp_path, text, shown)


def test_texts(tmp_path: Path, shown: Batch) -> None:
    text = "\n~~~\n".join(TEXTS)
    assert Templates(built_in()).text(text, template_data(shown), END) == amtool(tmp_path, text, shown)


@pytest.mark.parametrize("text", PAGES)
@pytest.mark.parametrize("name", ["mixed", "resolved"])
def test_pages(tmp_path: Path, name: str, text: str) -> None:
    shown = BATCHES[name]
    assert Templates(built_in()).html(text, template_data(shown), END) == amtool(tmp_path, text, shown, "html")


@pytest.mark.parametrize("kind", ["text", "html"])
def test_alertmanagers_own_files_render_the_same(tmp_path: Path, shown: Batch, kind: str) -> None:
    need("amtool")
    theirs = read_templates(Path(THEIRS).parent, ["*.tmpl"], lambda n, why: ValueError(why))
    text = '{{ template "email.default.html" . }}~~~{{ template "wechat.default.message" . }}'
    fill = theirs.html if kind == "html" else theirs.text
    assert fill(text, template_data(shown), END) == amtool(tmp_path, text, shown, kind)


def render(text: str, name: str = "one") -> str:
    return Templates(built_in()).text(text, template_data(BATCHES[name]), END)


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("{{ .CommonLabels }}", "alertname=Down, instance=a:9100, job=api, severity=critical"),
        ("{{ .GroupLabels.SortedPairs }}", "alertname=Down"),
        ('{{ tz "Asia/Shanghai" (index .Alerts 0).StartsAt }}', "2023-11-15 06:13:20.123 +0800 CST"),
        ('{{ (index .Alerts 0).StartsAt | tz "Europe/Berlin" | date "15:04 MST -07:00" }}', "23:13 CET +01:00"),
        ("{{ since (index .Alerts 0).StartsAt }}", "1h0m0.377s"),
        ("{{ since (index .Alerts 0).StartsAt | humanizeDuration }}", "1h 0m 0s"),
        ("{{ humanizeDuration 90061 }} {{ humanizeDuration 0.05 }}", "1d 1h 1m 1s 50ms"),
        ('{{ now.Format "2006-01-02" }}', "2023-11-14"),
        ('{{ toDate "2006-01-02 15:04" "2026-08-24 09:30" | date "Jan 2 3:04PM" }}', "Aug 24 9:30AM"),
        ('{{ (toDate "2006-01-02" "x").IsZero }}', "true"),
        ('{{ (mustToDate "2006-01-02T15:04:05Z07:00" "2026-01-02T03:04:05+08:00").Unix }}', "1767294245"),
        ('{{ "中?>" | base64encode }} {{ "5Lit" | base64decode }}', "5LitPz4= 中"),
        ('{{ list 1 "a" | toJson }} {{ append (list 1) 2 3 | toJson }}', '[1,"a"] [1,2,3]'),
        ('{{ dict "b" 1 "a" "<&>" | toJson }}', '{"a":"\\u003c\\u0026\\u003e","b":1}'),
        ('{{ (dict "a" "b").a }}', "b"),
        ('{{ urlUnescape "a+b%20%E4%B8%AD" }} {{ trimSpace "  x " }}', "a b 中 x"),
        ('{{ routeLabels "team" }}{{ .RouteLabels }}{{ .NotificationReason }}|{{ .CommonLabels.Remove .GroupLabels.Names }}',
         "unknown|instance=a:9100, job=api, severity=critical"),
    ],
)  # fmt: skip
def test_what_is_newer_than_debians(text: str, made: str) -> None:
    assert render(text) == made


def test_alerts_as_json() -> None:
    made = render("{{ .Alerts.Firing | toJson }}")
    assert made.startswith('[{"status":"firing","labels":{"alertname":"Down","instance":"a:9100",')
    assert '"startsAt":"2023-11-14T22:13:20.123Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://prom' in made
    assert "\\u003cb\\u003ebad\\u003c/b\\u003e \\u0026 坏" in made


def test_html_of_the_built_in_mail() -> None:
    made = Templates(built_in()).html('{{ template "email.default.html" . }}', template_data(BATCHES["mixed"]), END)
    assert "<title>[FIRING:2] Down (api)</title>" in made
    assert "Down is &lt;b&gt;bad&lt;/b&gt; &amp; 坏" in made
    assert 'href="http://am:9093/prefix/#/alerts?receiver=team%5C.X%5C%2B1"' in made
    assert made.count('<table class="alert">') == 3
    assert "<b>bad" not in made


@pytest.mark.parametrize(
    "text",
    [
        "{{ .Nope }}", "{{ .Alerts.Nope }}", "{{ toUpper 1 }}", '{{ join "," "abc" }}', '{{ match "(" "a" }}',
        '{{ reReplaceAll "(" "" "" }}', "{{ since 1 }}", '{{ tz "Mars/One" now }}', '{{ urlUnescape "%zz" }}',
        '{{ base64decode "!" }}', '{{ dict "a" }}', "{{ index .Alerts 99 }}", '{{ template "nope" . }}',
        '{{ mustToDate "2006" "x" }}', '{{ humanizeDuration "x" }}', "{{ .CommonLabels.Remove 1 }}", "{{ nope }}",
        '{{ $x := "ab" }}{{ range 60 }}{{ $x = print $x $x }}{{ end }}',
        '{{ $x := list 1 }}{{ range 60 }}{{ $x = list $x $x }}{{ end }}{{ toJson $x }}',
        '{{ $x := dict }}{{ range 60 }}{{ $x = dict "a" $x "b" $x }}{{ end }}{{ $x }}',
        "{{ range 3000000 }}{{ end }}", '{{ printf "%999999999d" 1 | len | slice "a" }}',
        "{{ if }}", "{{ range .Alerts }}", '{{ define "a" }}{{ template "a" . }}{{ end }}{{ template "a" . }}',
    ],
)  # fmt: skip
def test_mistakes_are_template_errors(text: str) -> None:
    with pytest.raises(TemplateError):
        render(text)


def test_files_go_over_the_built_in_ones(tmp_path: Path) -> None:
    (tmp_path / "a.tmpl").write_text('{{ define "__subject" }}mine{{ end }}whole', encoding="utf-8")
    (tmp_path / "b.tmpl").write_text('{{ define "x" }}{{ template "__subject" . }}{{ end }}', encoding="utf-8")
    made = read_templates(tmp_path, ["*.tmpl", "none/*.tmpl"], lambda n, why: ValueError(why))
    data = template_data(BATCHES["one"])
    assert made.text('{{ template "x" . }} {{ template "a.tmpl" . }}', data, END) == "mine whole"
    assert render('{{ template "__subject" . }}') == "[FIRING:1] Down (a:9100 api critical)"


def test_a_bad_file_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "bad.tmpl").write_text("fine\n{{ nope }}\n", encoding="utf-8")
    with pytest.raises(DocumentError) as caught:
        read_templates(tmp_path, ["bad.tmpl"], lambda n, why: ValueError(why))
    assert f'{tmp_path}/bad.tmpl:2: function "nope" not defined' in str(caught.value)
