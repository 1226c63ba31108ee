"""`opsctl alertconfig check`, as a person or a pipeline calls it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

GOOD = """
route: {receiver: a, routes: [{receiver: b}]}
templates: ['*.tmpl']
receivers:
- name: a
  email_configs: [{to: t@x, from: f@x, smarthost: 'h:25', headers: {Subject: '{{ template "mine" . }}'}}]
- name: b
  dingtalk_configs: [{access_token: t}]
inhibit_rules: [{source_matchers: [a=b], target_matchers: [c=d]}]
"""


def check(
    folder: Path, text: str, *words: str, template: str = '{{ define "mine" }}x{{ end }}'
) -> tuple[int, str, str]:
    (folder / "am.yml").write_text(text, encoding="utf-8")
    (folder / "mine.tmpl").write_text(template, encoding="utf-8")
    made = subprocess.run(
        [sys.executable, "-m", "opsctl", "alertconfig", "check", "am.yml", *words], cwd=folder, capture_output=True,
        text=True, timeout=30,
    )  # fmt: skip
    return made.returncode, made.stdout, made.stderr


def test_good(tmp_path: Path) -> None:
    code, out, _ = check(tmp_path, GOOD)
    assert (code, out.splitlines()[0]) == (0, "Checking 'am.yml'  SUCCESS")
    assert " - 1 inhibit rules\n - 2 receivers\n - 2 routes\n - 0 intervals\n - 1 templates\n" in out


def test_mistakes_in_templates_have_their_place(tmp_path: Path) -> None:
    code, out, err = check(tmp_path, GOOD.replace('"mine"', '"mien"'))
    assert (code, out) == (1, "Checking 'am.yml'  FAILED\n")
    place = "am.yml:6: receivers[0].email_configs[0].headers.Subject:"
    assert err == f"{place} template: template \"mien\" not defined (did you mean 'mine'?)\n"
    code, _, err = check(tmp_path, GOOD, template="line\n{{ if }}\n")
    assert (code, err) == (1, "mine.tmpl:2: missing value for if\n")
    code, _, err = check(tmp_path, GOOD.replace("{{ template", "{{ templte"))
    assert (code, 'function "templte" not defined' in err) == (1, True)


def test_json_and_classic_mode(tmp_path: Path) -> None:
    code, out, _ = check(tmp_path, GOOD, "--json")
    assert (code, json.loads(out)[0]["receivers"]) == (0, 2)
    text = GOOD.replace("a=b", "'a.b=c'")
    assert check(tmp_path, text)[0] == 0
    code, out, _ = check(tmp_path, text, "--matchers=classic", "--json")
    (found,) = json.loads(out)
    assert (code, found["ok"], found["problems"][0]["line"]) == (1, False, 9)
