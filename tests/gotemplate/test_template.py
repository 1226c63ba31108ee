"""Go templates: what Go prints for the same text and data, and that nothing runs away."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsctl.gotemplate import Bounds, Template, TemplateError


class Batch:
    """A thing that templates may look into."""

    secret = "never"

    def template_fields(self) -> Mapping[str, Any]:
        return {"Status": "firing", "Firing": lambda: [1, 2], "Join": lambda a, b: f"{a}-{b}"}


DATA = {
    "Labels": {"b": "2", "a": "1"},
    "Value": 12.5,
    "Items": ["x", "y", "z"],
    "Empty": [],
    "Batch": Batch(),
    "Nested": {"Deep": {"Leaf": "found"}},
    "Yes": True,
    "N": 3,
}

CASES = [
    ("plain", "plain"),
    ("{{ .Labels.a }}{{ .Labels.zzz }}", "1"),
    ("{{ .Labels }} {{ .Items }}", "map[a:1 b:2] [x y z]"),
    ("{{ .Nested.Deep.Leaf }}", "found"),
    ("a {{- /* a comment */ -}} b", "ab"),
    ("a  {{- .N -}}  b", "a3b"),
    ("{{ if .Yes }}y{{ else }}n{{ end }}{{ if .Empty }}y{{ else if eq .N 3 }}three{{ else }}n{{ end }}", "ythree"),
    ("{{ range .Items }}{{ . }},{{ end }}{{ range .Empty }}{{ else }}none{{ end }}", "x,y,z,none"),
    ("{{ range $i, $e := .Items }}{{ $i }}={{ $e }} {{ end }}", "0=x 1=y 2=z "),
    ("{{ range $k, $v := .Labels }}{{ $k }}={{ $v }} {{ end }}", "a=1 b=2 "),
    ("{{ range .Items }}{{ if eq . \"y\" }}{{ continue }}{{ end }}{{ . }}{{ end }}", "xz"),
    ("{{ range .Items }}{{ if eq . \"y\" }}{{ break }}{{ end }}{{ . }}{{ end }}", "x"),
    ("{{ range 3 }}{{ . }}{{ end }}", "012"),
    ("{{ with .Nested.Deep }}{{ .Leaf }}{{ $.N }}{{ end }}{{ with .Empty }}x{{ else }}y{{ end }}", "found3y"),
    ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"),
    ("{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ end }}{{ $x }}", "1"),
    ('{{ define "t" }}<{{ . }}>{{ end }}{{ template "t" .N }}{{ template "t" "s" }}', "<3><s>"),
    ('{{ block "t" .N }}[{{ . }}]{{ end }}', "[3]"),
    ('{{ printf "%s:%d %.2f %5d|%-5s|%05.1f %q %v %%" "a" 3 .Value 7 "b" .Value "q\\"" .Yes }}',
     'a:3 12.50     7|b    |012.5 "q\\"" true %'),
    ('{{ printf "%d %s" "x" }}', "%!d(string=x) %!s(MISSING)"),
    ('{{ "x" | printf "%s-%s" "y" }}', "y-x"),
    ('{{ print 1 2 "a" 3 true }}{{ println "x" 1 }}', "1 2a3 truex 1\n"),
    ('{{ printf "%*d|%.*f|" 5 3 2 3.14159 }}{{ printf "%*d" "x" 3 }}', "    3|3.14|%!(BADWIDTH)3"),
    ("{{ eq .N 1 2 3 }} {{ ne .N 3 }} {{ lt 1 2 }} {{ ge .Value 12.5 }} {{ not .Yes }}", "true false true true false"),
    ("{{ and .Yes 0 }} {{ or 0 \"d\" }} {{ and 1 2 }}", "0 d 2"),
    ("{{ or .Yes (index .Items 99) }}", "true"),
    ("{{ len .Items }} {{ index .Items 1 }} {{ index .Labels \"b\" }} {{ slice \"hello\" 1 3 }}", "3 y 2 el"),
    ("{{ .Batch.Status }} {{ .Batch.Firing }} {{ .Batch.Join \"a\" \"b\" }} {{ (.Batch.Join 1 2) | len }}",
     "firing [1 2] a-b 3"),
    ("{{ 1e3 }} {{ 1e6 }} {{ 1.5 }} {{ 0x10 }} {{ 'a' }} {{ 010 }} {{ -3 }}", "1000 1e+06 1.5 16 97 8 -3"),
    ("{{ `raw \\n` }} {{ \"tab\\t\" }}", "raw \\n tab\t"),
    ("{{ html \"<a&'>\" }} {{ urlquery \"a b&c\" }} {{ js \"'x'\" }}", "&lt;a&amp;&#39;&gt; a+b%26c \\'x\\'"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_renders_as_go_does(text: str, expected: str) -> None:
    assert Template.parse(text).render(DATA) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e6, "1e+06"), (123456789.25, "1.2345678925e+08"), (0.00001234, "1.234e-05"), (100000.0, "100000"),
     (93784.5, "93784.5"), (0.0, "0"), (-12.5, "-12.5"), (float("nan"), "NaN"), (float("inf"), "+Inf"),
     (0.001234, "0.001234"), (5e-324, "5e-324"), (1e21, "1e+21"), (0.1, "0.1"), (True, "true"), (7, "7")],
)  # fmt: skip
def test_numbers_print_as_go_prints_them(value: float, text: str) -> None:
    assert Template.parse("{{ . }}").render(value) == text


@pytest.mark.parametrize(
    ("text", "reason", "line"),
    [
        ("a\n{{ .x", "unclosed action", 2),
        ("{{ nope }}", 'function "nope" not defined', 1),
        ("{{ $x }}", 'undefined variable "$x"', 1),
        ("{{ if }}x{{ end }}", "missing value for if", 1),
        ("{{ if true }}x", "unexpected EOF", 1),
        ("x\n\n{{ end }}", "unexpected {{end}}", 3),
        ("{{ break }}", "{{break}} outside {{range}}", 1),
        ('{{ "x }}', "unterminated quoted string", 1),
        ("{{ /* x }}", "unrecognized character", 1),
        ("{{/* x }}", "unclosed comment", 1),
        ("{{ (1 }}", "unclosed left paren", 1),
        ("{{ 1 | 2 }}", "non executable command in pipeline stage 2", 1),
    ],
)
def test_a_bad_template_is_refused_with_its_line(text: str, reason: str, line: int) -> None:
    with pytest.raises(TemplateError) as caught:
        Template.parse(text)
    assert reason in caught.value.reason
    assert caught.value.line == line


@pytest.mark.parametrize(
    "text",
    ["{{ .Batch.secret }}", "{{ .Batch.__class__ }}", "{{ .N.real }}", "{{ .Value.hex }}", "{{ gt .Value 5 }}",
     "{{ index .Items 9 }}", '{{ template "none" }}', "{{ .Items.a }}", "{{ range .Value }}{{ end }}",
     "{{ len 3 }}", "{{ .N 3 }}", '{{ define "t" }}{{ template "t" }}{{ end }}{{ template "t" }}'],
)  # fmt: skip
def test_what_go_refuses_is_an_error(text: str) -> None:
    with pytest.raises(TemplateError):
        Template.parse(text).render(DATA)


def test_python_is_out_of_reach() -> None:
    assert Template.parse("{{ .Labels.__class__ }}").render(DATA) == ""
    with pytest.raises(TemplateError):
        Template.parse("{{ .Items.append }}").render(DATA)


def test_work_and_output_are_bounded() -> None:
    loops = "{{ range 100000 }}{{ range 100000 }}x{{ end }}{{ end }}"
    with pytest.raises(TemplateError, match="steps"):
        Template.parse(loops).render({})
    with pytest.raises(TemplateError, match="characters of output"):
        Template.parse("{{ range 100 }}{{ $.x }}{{ end }}", bounds=Bounds(output=1000)).render({"x": "y" * 100})
    deep = "{{ if true }}" * 200 + "{{ end }}" * 200
    with pytest.raises(TemplateError, match="inside each other"):
        Template.parse(deep)


def test_a_base_lends_its_definitions_and_functions() -> None:
    base = Template.parse('{{ define "head" }}# {{ up . }}{{ end }}', {"up": str.upper})
    assert Template.parse('{{ template "head" "x" }}', base=base).render({}) == "# X"


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(
    ["{{", "}}", "{{-", "-}}", "if", "else", "end", "range", "with", "define", "template", "block", "break", ".", ".a", "$", "$x", ":=", "=", "|", "(", ")", ",", '"s"', "`r`", "'c'", "1", "2.5", "true", "nil", "eq", "print", "printf", "len", "index", "and", "or", "not", "text", "/*", "*/"]), max_size=16).map(" ".join))  # fmt: skip
def test_any_text_gives_a_text_or_a_named_error(text: str) -> None:
    with suppress(TemplateError):
        Template.parse(text, bounds=Bounds(steps=2000)).render(DATA)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="{}-. $x|\"'`/*()=:,1aé\n%", max_size=40))
def test_any_characters_too(text: str) -> None:
    with suppress(TemplateError):
        Template.parse("{{" + text, bounds=Bounds(steps=2000)).render(DATA)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a {{ .N | len }}", '1:10: executing "t" at <len>: error calling len: '),
        ("{{ eq 1\t(len  .N) }}", '1:9: executing "t" at <len .N>: error calling len: '),
        ("x\ny {{ if (index .Items 9).a }}{{ end }}", '2:9: executing "t" at <index .Items 9>: error calling index: '),
        ("{{ $v := .Yes }}{{ $v.a.b }}", '1:21: executing "t" at <$v.a.b>: can\'t evaluate field a in type bool'),
        ("{{ range .N | print }}{{ end }}", '1:14: executing "t" at <print>: range can\'t iterate over 3'),
        ("{{ 5 | .N }}", '1:7: executing "t" at <.N>: N is not a method but has arguments'),
        ("{{ (print 1) 2 }}", '1:3: executing "t" at <(print 1) 2>: can\'t give argument to non-function print 1'),
        ("{{ len 1 2 }}", '1:3: executing "t" at <len>: wrong number of args for len: want 1 got 2'),
        ("{{ printf }}", '1:3: executing "t" at <printf>: wrong number of args for printf: want at least 1 got 0'),
        ('{{ template "no" . }}', '1:12: executing "t" at <{{template "no" .}}>: template "no" not defined'),
        (
            '{{ define "u" }}é{{ len 1 }}{{ end }}{{ template "u" }}',
            '1:21: executing "u" at <len 1>: error calling len: ',
        ),
    ],
)
def test_what_goes_wrong_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(TemplateError) as caught:
        Template.parse(text, name="t").render(DATA)
    assert caught.value.message.startswith(f"template: t:{told}")
