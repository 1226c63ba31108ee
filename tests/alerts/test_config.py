"""alertmanager.yml: what it means, and what is said about mistakes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from opsctl.alerts.config import Configuration, load_configuration
from opsctl.core.errors import DocumentError
from opsctl.model.labels import Labels
from tests.servers import need

GOOD = """
global: {resolve_timeout: 2m}
route:
  receiver: all
  group_by: [alertname]
  group_wait: 1s
  routes:
    - matchers: [severity="critical", 'team=~"a|b"']
      receiver: pager
      continue: true
      repeat_interval: 5m
    - match: {severity: critical}
      group_by: ['...']
    - match_re: {service: "db.*"}
      mute_time_intervals: [night]
inhibit_rules:
  - source_matchers: ['{alertname="Down", job!=""}']
    target_match: {severity: warning}
    equal: [service]
time_intervals:
  - name: night
    time_intervals: [{times: [{start_time: "00:00", end_time: "06:00"}], weekdays: ["monday:friday"], location: Asia/Shanghai}]
receivers:
  - name: all
  - name: pager
    dingtalk_configs:
      - {access_token_file: token, secret: "SECRET1"}
    webhook_configs: [{url: "http://${HOST}/x"}]
"""


def load(folder: Path, text: str) -> Configuration:
    (folder / "token").write_text("tok\n")
    file = folder / "alertmanager.yml"
    file.write_text(text, encoding="utf-8")
    return load_configuration(file, {"HOST": "127.0.0.1:1"})


def test_an_empty_group_by_is_one(tmp_path: Path) -> None:
    made = load(
        tmp_path,
        "route: {receiver: a, group_by: ['...'], routes: [{group_by: [], routes: [{}]}, {group_by: [x]}, {}]}\n"
        "receivers: [{name: a, labels: {team: b}}]\n",
    )
    one, two, three = made.route.routes
    assert [(r.group_by, r.group_by_all) for r in (one, one.routes[0], two)] == [
        ((), False),
        ((), False),
        (("x",), False),
    ]
    assert three.group_by_all
    assert made.receiver_labels["a"].plain == {"name": "a", "team": "b"}


def test_good_file(tmp_path: Path) -> None:
    made = load(tmp_path, GOOD)
    assert made.resolve_timeout == 120
    assert sorted(made.integrations) == ["pager/dingtalk/0", "pager/webhook/0"]
    assert getattr(made.integrations["pager/webhook/0"].impl, "url") == "http://127.0.0.1:1/x"  # noqa: B009
    routes = made.route.match(Labels({"severity": "critical", "team": "a"}))
    assert [r.receiver for r in routes] == ["pager", "all"]
    assert routes[0].repeat_interval == 300
    assert routes[0].group_wait == 1
    assert routes[0].key == '{}/{severity="critical",team=~"a|b"}'
    assert routes[1].group_by_all
    assert made.route.match(Labels({"x": "y"})) == (made.route,)
    assert len(made.inhibit_rules[0].source) == 2


SECRETS = """
global:
  smtp_auth_password: hush1
  http_config: {basic_auth: {username: u, password: hush2}}
route: {receiver: a}
receivers:
- name: a
  webhook_configs:
  - url: http://user:hush3@h:9/hush4?x=1
    http_config:
      authorization:
        credentials: |
          hush5
  email_configs: [{to: t@x, from: f@x, smarthost: "h:25", auth_secret: 'hush6', headers: {Subject: "key: x"}}]
  wechat_configs: [{api_secret: "hush7", corp_id: c}]
  dingtalk_configs:
  - access_token: hush8
    secret: hush9
  heartbeat_configs: [{url: "http://h/hush10"}]
- name: b
"""


def test_secrets_are_hidden_and_the_rest_loads_again(tmp_path: Path) -> None:
    shown = load(tmp_path, SECRETS).standard
    assert re.findall(r"hush\d+", shown) == []
    assert shown.count("<secret>") == 9
    assert 'url: "http://h:9/<secret>"' in shown
    assert "  # dingtalk_configs:\n  # - access_token: <secret>\n  #   secret: <secret>\n" in shown
    assert 'headers: {Subject: "key: x"}' in shown
    again = load(tmp_path, shown)
    assert sorted(again.integrations) == ["a/email/0", "a/webhook/0", "a/wechat/0"]
    assert again.standard == shown
    file = tmp_path / "shown.yml"
    file.write_text(shown, encoding="utf-8")
    subprocess.run([str(need("amtool")), "check-config", str(file)], check=True, capture_output=True)


def test_tools_of_alertmanager_can_read_our_file(tmp_path: Path) -> None:
    shown = load(tmp_path, GOOD).standard
    assert "    # dingtalk_configs:\n    #   - {access_token_file: token, secret: <secret>}" in shown
    assert load(tmp_path, shown).receivers["pager"][0].impl.kind == "webhook"
    flow = "route: {receiver: r}\nreceivers: [{name: r, dingtalk_configs: [{access_token: t}]}]\n"
    assert "dingtalk" not in load(tmp_path, flow).standard


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ("  receiver: all", "  receiver: all\n  receiver: all", ":5: the key 'receiver' stands here twice"),
        ("group_wait: 1s", "group_wiat: 1s", ":6: route.group_wiat: unknown key (did you mean 'group_wait'?)"),
        (
            "receiver: pager",
            "receiver: pagr",
            ":9: route.routes[0].receiver: undefined receiver used in route: no receiver named 'pagr' (did you mean 'pager'?)",
        ),
        ("group_wait: 1s", "group_wait: 1 s", ":6: route.group_wait: not a valid duration"),
        ('team=~"a|b"', 'team=~"a(b"', ":8: route.routes[0].matchers[1]: bad regular expression"),
        ("[night]", "[nihgt]", "no time interval named 'nihgt' (did you mean 'night'?)"),
        ("Asia/Shanghai", "Asia/Shangai", "no time zone named 'Asia/Shangai'"),
        (
            "dingtalk_configs",
            "slack_configs",
            "this receiver is not spoken here (use webhook_configs, email_configs",
        ),
        ("\nroute:", "\ntracing: {endpoint: x}\nroute:", ":3: tracing: is not done here (remove it)"),
        ("dingtalk_configs", "dingtlk_configs", "unknown key (did you mean 'dingtalk_configs'?)"),
        ("access_token_file: token", "access_token_file: nope", "access_token_file: cannot be read"),
        ("access_token_file: token", "rate_per_minute: 5", "access_token: is required"),
        ("${HOST}", "${NOBODY}", "no environment variable 'NOBODY'"),
        ("http://${HOST}/x", "ftp://x", "not an http or https URL"),
        ("['...']", "['...', a]", "stands alone"),
        ("name: pager", "name: all", "used twice"),
        ("receiver: all", "matchers: [a=b]", "root route must specify a default receiver"),
        ("{resolve_timeout: 2m}", "{smtp_form: a}", "global.smtp_form: unknown key (did you mean 'smtp_from'?)"),
    ],
)
def test_mistakes_are_named_with_their_line(tmp_path: Path, good: str, bad: str, said: str) -> None:
    assert good in GOOD
    with pytest.raises(DocumentError) as caught:
        load(tmp_path, GOOD.replace(good, bad, 1))
    assert said in str(caught.value)
