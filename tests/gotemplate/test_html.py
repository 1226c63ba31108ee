"""HTML pages: where a value stands decides how it is written, and no value gets out of its place."""

from __future__ import annotations

import contextlib
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsctl.gotemplate import Bounds, Template, TemplateError
from opsctl.gotemplate.safe import SafeHtml, SafeUrl

PAGE = (
    '<p title="{{ . }}" data-x=\'{{ . }}\'>{{ . }}</p><a href="{{ . }}">x</a><a href="/q?a={{ . }}">y</a>'
    '<script>var a = {{ . }}; var b = "{{ . }}";</script><i onclick="f({{ . }})" style="color: {{ . }}">z</i>'
    "<title>{{ . }}</title><!-- {{ . }} -->"
)


def page(text: str, data: object) -> str:
    return Template.parse(text).render(data, html=True)


class Skeleton(HTMLParser):
    """The tags and the names of their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, list[str]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, [name for name, _ in attrs]))


@pytest.mark.parametrize(
    ("text", "data", "made"),
    [
        ("{{ . }}", SafeHtml("<b>&amp;</b>"), "<b>&amp;</b>"),
        ("<p title='{{ . }}'>", SafeHtml("<b>a &amp; 'b'</b>"), "<p title='a &amp; &#39;b&#39;'>"),
        ('<a href="{{ . }}">', "javascript:x", '<a href="#ZgotmplZ">'),
        ('<a href="{{ . }}">', SafeUrl("tel:+1 2"), '<a href="tel:&#43;1%202">'),
        ('<a href=" {{ . }}">', "data:x", '<a href=" #ZgotmplZ">'),
        ('<a href="/a/{{ . }}?b={{ . }}">', "x/y&z", '<a href="/a/x/y&amp;z?b=x%2fy%26z">'),
        ("<a title={{ . }}>", "", "<a title=ZgotmplZ>"),
        ("<a title={{ . }}>", "a b=c", "<a title=a&#32;b&#61;c>"),
        ("<{{ . }}>", "script", "&lt;script>"),
        ("<a title='x' href={{ . }}>", "javascript:x", "<a title='x' href=#ZgotmplZ>"),
        ("<a {{ . }}='x'>", "onclick", "<a ZgotmplZ='x'>"),
        ("<script>{{ . }}</script>", {"a": ["</script>", 1, 2.5, True, None]},
         '<script>{"a":["\\u003c/script\\u003e",1,2.5,true,null]}</script>'),
        ("<script>x='{{ . }}'</script>", "a'b</", "<script>x='a\\u0027b\\u003c\\/'</script>"),
        ("<style>a { b: {{ . }} }</style>", "red", "<style>a { b: red }</style>"),
        ("<style>a { b: {{ . }} }</style>", "url(x)", "<style>a { b: ZgotmplZ }</style>"),
        ("<p style=\"x: '{{ . }}'\">", "javascript:x", "<p style=\"x: '#ZgotmplZ'\">"),
        ("<p style=\"x: '{{ . }}'\">", "a<b", "<p style=\"x: 'a\\3c b'\">"),
        ('<i onclick="f({{ . | html }})">', '"', '<i onclick="f(&#34;\\&#34;&#34;)">'),
        ("a<!-- {{ . }} -->b{{ . }}", "x", "abx"),
        ("<TEXTAREA>{{ . }}</TEXTAREA>{{ . }}", "<", "<TEXTAREA>&lt;</TEXTAREA>&lt;"),
        ('<a href="/?a&b={{ . | html }}">', "x&y", '<a href="/?a&b=x%26y">'),
        ("<a title={{ . | html }}>", "a onx=1", "<a title=a&#32;onx&#61;1>"),
        ("{{ . | html }}|{{ html . }}", "<", "&lt;|&lt;"),
        ("{{ . }}", None, ""),
        ("<!doctype html><br/>1 < 2 {{ . }}", ">", "<!doctype html><br/>1 &lt; 2 &gt;"),
        ("{{ if . }}<b x='{{ end }}{{ . }}'>", "\"'", "<b x='&#34;&#39;'>"),
    ],
)  # fmt: skip
def test_places(text: str, data: object, made: str) -> None:
    assert page(text, data) == made


@given(st.text(max_size=40) | st.sampled_from(["</script>", "\"'><b>", "-->", "`${x}`", "javascript:a", "a onx=1"]))
def test_no_value_gets_out_of_its_place(value: str) -> None:
    assert Skeleton(page(PAGE, value)).found == Skeleton(page(PAGE, "plain")).found


PIECES = st.sampled_from([
    "{{", "}}", "{{-", "-}}", " ", ".", "$", "$x", ":=", "=", "|", "(", ")", "if", "else", "end", "range", "with",
    "define", "template", "block", "break", "continue", '"a"', "`b`", "'c'", "1", "0x1", "-1.5e3", "nil", "true",
    ".A", ".A.B", "len", "printf", "index", "and", "eq", ",", "/*", "*/", "<a href=\"", "<!--", "-->", "<script>", "\n",
])  # fmt: skip


@settings(max_examples=300)
@given(st.lists(PIECES, max_size=25) | st.lists(st.text(max_size=6), max_size=5))
def test_any_template_is_rendered_or_refused(pieces: list[str]) -> None:
    data = {"A": {"B": [1, "x"]}, "$x": 1}
    for text in ("".join(pieces), "{{ " + " ".join(pieces) + " }}"):
        for html in (False, True):
            with contextlib.suppress(TemplateError):
                made = Template.parse(text, bounds=Bounds(steps=2000, output=10_000)).render(data, html=html)
                assert isinstance(made, str)
