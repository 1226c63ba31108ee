"""What we take and refuse is what Debian's `amtool check-config` takes and refuses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from opsctl.alerts.config import load_configuration
from opsctl.core.errors import DocumentError
from tests.servers import need

BASE = "route: {receiver: a}\nreceivers: [{name: a}, {name: b}]\n"


def route(text: str) -> str:
    return f"route: {{receiver: a, {text}}}\nreceivers: [{{name: a}}, {{name: b}}]\n"


def child(text: str, more: str = "") -> str:
    return f"route:\n  receiver: a\n  routes:\n  - {text}\nreceivers: [{{name: a}}, {{name: b}}]\n{more}"


def rule(text: str) -> str:
    return f"{BASE}inhibit_rules: [{{{text}}}]\n"


def interval(text: str) -> str:
    return f"{BASE}time_intervals: [{{name: n, time_intervals: [{{{text}}}]}}]\n"


def hook(text: str, common: str = "{}") -> str:
    return f"global: {common}\nroute: {{receiver: a}}\nreceivers: [{{name: a, webhook_configs: [{{{text}}}]}}]\n"


def mail(text: str, common: str = "{smtp_smarthost: 'h:25', smtp_from: f@x}") -> str:
    return f"global: {common}\nroute: {{receiver: a}}\nreceivers: [{{name: a, email_configs: [{{{text}}}]}}]\n"


def wechat(text: str, common: str = "{}") -> str:
    return f"global: {common}\nroute: {{receiver: a}}\nreceivers: [{{name: a, wechat_configs: [{{{text}}}]}}]\n"


U = "url: 'http://x'"
GOOD = [
    BASE,
    f"global:\n{BASE}",
    f"global: {{resolve_timeout: 0s}}\n{BASE}",
    f"global: {{slack_api_url: 'http://x', opsgenie_api_key: k, pagerduty_url: 'https://p', victorops_api_key: v}}\n{BASE}",
    f"templates: []\n{BASE}",
    f"templates: ['nothing/*.tmpl']\n{BASE}",
    route("group_by: [a, b], group_wait: 0s, group_interval: 1m, repeat_interval: 1h30m"),
    route("group_by: ['...']"),
    route("group_by: []"),
    route("routes: []"),
    route("routes: , group_wait: "),
    child("receiver: b\n    continue: true\n    matchers: [a=b, 'c=~\"d|e\"', '{f!=\"g\",h!~\"i\"}']"),
    child("match: {a: 1, b: true}\n    match_re: {c: '.*'}"),
    child("matchers: ['foo=\"bar\\d\"']"),
    child("matchers: [foo=bar baz]"),
    child("matchers: ['foo=']"),
    child("matchers: ['{foo=bar,}']"),
    child("matchers: ['foo=~\"a{1,2}\"']"),
    child("mute_time_intervals: [n]", "mute_time_intervals: [{name: n, time_intervals: [{weekdays: [monday]}]}]\n"),
    child("active_time_intervals: [n]", "time_intervals: [{name: n}]\n"),
    rule("source_match: {a: b}, target_match: {c: d}, equal: [e]"),
    rule("source_matchers: [a=b], target_matchers: [c=d], equal: [e, e]"),
    rule("source_match_re: {a: b.*}, target_match_re: {c: d}"),
    rule("equal: [a]"),
    f"{BASE}inhibit_rules:\n-\n",
    interval("times: [{start_time: '00:00', end_time: '24:00'}]"),
    interval("times: [{start_time: 09:00, end_time: 17:00}]"),
    interval("weekdays: ['monday:friday', Saturday]"),
    interval("days_of_month: ['1:5', '-3:-1', '31', 7]"),
    interval("months: ['1:3', may:august, December]"),
    interval("years: ['2020:2022', '2030']"),
    interval("location: ''"),
    interval("location: Asia/Shanghai"),
    interval(""),
    hook(U),
    hook(f"{U}, send_resolved: false, max_alerts: 3"),
    hook(f"{U}, http_config: {{basic_auth: {{username: u, password: p}}, follow_redirects: false}}"),
    hook(f"{U}, http_config: {{authorization: {{type: Token, credentials: c}}, tls_config: {{insecure_skip_verify: true}}}}"),
    hook(f"{U}, http_config: {{bearer_token: t}}"),
    hook(f"{U}, http_config: "),
    hook(U, "{http_config: {bearer_token_file: /no/such}}"),
    mail("to: t@x"),
    mail("to: t@x, from: f@x, smarthost: 'h:587', hello: me, require_tls: false, html: '', text: '{{ .Status }}'"),
    mail("to: t@x", "{smtp_smarthost: '[::1]:25', smtp_from: f@x, smtp_auth_username: u, smtp_auth_password: p}"),
    mail("to: t@x, smarthost: ':25', headers: {subject: s, X-A: 1}"),
    mail("to: t@x, auth_password_file: /no/such, tls_config: {ca_file: x}"),
    mail("to: 'a@x, b@x', headers: {Subject: '{{ .Nope'}"),
    wechat("api_secret: s, corp_id: c, agent_id: 1, to_user: u"),
    wechat("message_type: markdown, to_party: '1|2'", "{wechat_api_secret: s, wechat_api_corp_id: c}"),
    wechat("api_secret: s, corp_id: c, api_url: 'http://x/cgi-bin'"),
    "route: {receiver: a}\nreceivers:\n- name: a\n  webhook_configs: &h\n  - url: http://x\n- name: b\n  webhook_configs: *h\n",
]  # fmt: skip
BAD = [
    "",
    "a",
    "[]",
    "route: {receiver: a}\n",
    "receivers: [{name: a}]\n",
    "route: \nreceivers: [{name: a}]\n",
    "route: {}\nreceivers: [{name: a}]\n",
    f"{BASE}nope: 1\n",
    f"{BASE}route: {{receiver: a}}\n",
    f"global: {{nope: 1}}\n{BASE}",
    f"global: {{resolve_timeout: 5}}\n{BASE}",
    f"global: {{resolve_timeout: x}}\n{BASE}",
    f"global: {{slack_api_url: 'http://x', slack_api_url_file: f}}\n{BASE}",
    f"global: {{opsgenie_api_key: k, opsgenie_api_key_file: f}}\n{BASE}",
    f"global: {{smtp_auth_password: k, smtp_auth_password_file: f}}\n{BASE}",
    f"global: {{pagerduty_url: x}}\n{BASE}",
    f"global: {{wechat_api_url: 'ftp://x'}}\n{BASE}",
    f"global: {{http_config: {{basic_auth: {{username: u}}, bearer_token: t}}}}\n{BASE}",
    "route: {receiver: a}\nreceivers: [{name: a}, {name: a}]\n",
    "route: {receiver: a}\nreceivers: [{name: a}, {}]\n",
    "route: {receiver: a}\nreceivers: [{name: a, nope_configs: []}]\n",
    route("continue: true"),
    route("matchers: [a=b]"),
    route("match: {a: b}"),
    route("match_re: {a: b}"),
    route("mute_time_intervals: [x]"),
    route("active_time_intervals: [x]"),
    route("group_by: ['...', a]"),
    route("group_by: [a, a]"),
    route("group_by: ['']"),
    route("group_by: a"),
    route("group_interval: 0s"),
    route("repeat_interval: 0"),
    route("group_wait: 1 s"),
    route("group_wait: 30"),
    route("group_wait: -1s"),
    child("receiver: c"),
    child("match: {a-b: c}"),
    child("match_re: {a-b: c}"),
    child("match_re: {a: '('}"),
    child("match_re: {a: }"),
    child("matchers: [a]"),
    child("matchers: ['a=~\"(\"']"),
    child("matchers: ['a=\"b']"),
    child("matchers: ['a=b\"c']"),
    child("matchers: ['a=\"b\",,c=\"d\"']"),
    child("matchers: a=b"),
    child("mute_time_intervals: [x]"),
    child("active_time_intervals: [x]"),
    child("continue: maybe"),
    rule("source_match: {a-b: c}"),
    rule("target_match_re: {a: '['}"),
    rule("source_matchers: [a]"),
    rule("equal: ['']"),
    rule("nope: 1"),
    f"{BASE}time_intervals: [{{time_intervals: []}}]\n",
    f"{BASE}time_intervals: [{{name: a}}, {{name: a}}]\n",
    f"{BASE}mute_time_intervals: [{{name: a}}]\ntime_intervals: [{{name: a}}]\n",
    interval("times: [{start_time: '10:00', end_time: '09:00'}]"),
    interval("times: [{start_time: '10:00', end_time: '10:00'}]"),
    interval("times: [{start_time: '10:00'}]"),
    interval("times: [{start_time: '9:00', end_time: '25:00'}]"),
    interval("weekdays: [funday]"),
    interval("weekdays: ['friday:monday']"),
    interval("days_of_month: ['0']"),
    interval("days_of_month: ['32']"),
    interval("days_of_month: ['-1:5']"),
    interval("days_of_month: ['25:-10']"),
    interval("days_of_month: ['5:1']"),
    interval("months: [smarch]"),
    interval("months: ['march:january']"),
    interval("years: ['2022:2020']"),
    interval("location: Mars/One"),
    interval("nope: 1"),
    hook(""),
    hook("url: x"),
    hook("url: 'ftp://x'"),
    hook("url: 'http://'"),
    hook(f"{U}, max_alerts: -1"),
    hook("url: 'http://x y'"),
    hook(f"{U}, nope: 1"),
    hook(f"{U}, http_config: {{authorization: {{type: Basic}}}}"),
    hook(f"{U}, http_config: {{basic_auth: {{username: u}}, authorization: {{credentials: c}}}}"),
    hook(f"{U}, http_config: {{nope: 1}}"),
    mail(""),
    mail("to: t@x", "{smtp_from: f@x}"),
    mail("to: t@x", "{smtp_smarthost: 'h:25'}"),
    mail("to: t@x, smarthost: h"),
    mail("to: t@x, smarthost: 'h:'"),
    mail("to: t@x, smarthost: '::1:25'"),
    mail("to: t@x, headers: {subject: a, Subject: b}"),
    wechat("corp_id: c"),
    wechat("api_secret: s"),
    wechat("api_secret: s, corp_id: c, message_type: card"),
    wechat("api_secret: s, corp_id: c, api_url: x"),
    "route: {receiver: a\n",
    "route: {receiver: a}\nroute: {receiver: a}\nreceivers: [{name: a}]\n",
]  # fmt: skip


def amtool(file: Path) -> bool:
    """Whether amtool takes a file."""
    made = subprocess.run([str(need("amtool")), "check-config", str(file)], capture_output=True, text=True, timeout=20)
    return made.returncode == 0


def taken(file: Path) -> str:
    """'' or why we refuse a file."""
    try:
        load_configuration(file, {})
    except DocumentError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("text", GOOD)
def test_good(tmp_path: Path, text: str) -> None:
    file = tmp_path / "am.yml"
    file.write_text(text, encoding="utf-8")
    assert amtool(file)
    assert taken(file) == ""


@pytest.mark.parametrize("text", BAD)
def test_bad(tmp_path: Path, text: str) -> None:
    file = tmp_path / "am.yml"
    file.write_text(text, encoding="utf-8")
    assert not amtool(file)
    assert str(file) in taken(file)


def test_the_home_of_an_opsctl_yml_is_known(tmp_path: Path) -> None:
    (tmp_path / "opsctl.yml").write_text("home: var\n")
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "token").write_text("t")
    file = tmp_path / "alertmanager.yml"
    file.write_text(
        "route: {receiver: a}\n"
        "receivers: [{name: a, dingtalk_configs: [{access_token_file: '${OPSCTL_HOME}/token'}]}]\n"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OPSCTL")}
    command = [sys.executable, "-m", "opsctl", "alertconfig", "check", str(file)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
