"""How a value is written in each part of an HTML page. Source: html/template/{html,url,js,css}.go."""

from __future__ import annotations

import re
from typing import Any

from opsctl.gotemplate.builtins import BUILTINS
from opsctl.gotemplate.gojson import go_json
from opsctl.gotemplate.safe import SafeHtml, SafeUrl
from opsctl.gotemplate.text import go_text

FAILSAFE = "ZgotmplZ"
_HTML = str.maketrans(
    {"\0": "\ufffd", '"': "&#34;", "&": "&amp;", "'": "&#39;", "+": "&#43;", "<": "&lt;", ">": "&gt;"}
)
_NORM = str.maketrans({"\0": "\ufffd", '"': "&#34;", "'": "&#39;", "+": "&#43;", "<": "&lt;", ">": "&gt;"})
_BLANKS = str.maketrans({
    "\t": "&#9;", "\n": "&#10;", "\v": "&#11;", "\f": "&#12;", "\r": "&#13;", " ": "&#32;", "=": "&#61;", "`": "&#96;",
})  # fmt: skip
_TAG = re.compile(r"<!--.*?-->|</?[a-zA-Z][^>]*>", re.DOTALL)
_RESERVED = frozenset(b"!#$&*+,/:;=?@[]")
_PLAIN = frozenset(b"-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_HEX = re.compile(rb"[0-9a-fA-F]{2}")
_JS = {
    "\0": r"\u0000", "\t": r"\t", "\n": r"\n", "\v": r"\u000b", "\f": r"\f", "\r": r"\r", '"': r"\u0022",
    "`": r"\u0060", "&": r"\u0026", "'": r"\u0027", "+": r"\u002b", "/": r"\/", "<": r"\u003c", ">": r"\u003e",
    "\\": r"\\", "\u2028": r"\u2028", "\u2029": r"\u2029",
}  # fmt: skip
_CSS_CHAR = re.compile(r"""[\0\t\n\f\r"&'()+/:;<>\\{}]""")
_CSS_GAP = re.compile(r"[0-9a-fA-F \t\n\f\r]|\Z")  # what would be read as part of the escape


def shown(value: Any) -> str:
    """A value as text; nothing for nil, as html/template has it."""
    return "" if value is None else go_text(value)


def html(value: Any) -> str:
    """As the template function `html` writes it, SafeHtml too."""
    return str(BUILTINS["html"](shown(value)))


def in_text(value: Any) -> str:
    """Between tags."""
    return str(value) if isinstance(value, SafeHtml) else shown(value).translate(_HTML)


def in_rcdata(value: Any) -> str:
    """In a title or textarea."""
    return str(value).translate(_NORM) if isinstance(value, SafeHtml) else shown(value).translate(_HTML)


def in_quotes(value: Any) -> str:
    """In a quoted attribute."""
    return _TAG.sub("", value).translate(_NORM) if isinstance(value, SafeHtml) else shown(value).translate(_HTML)


def unquoted(value: Any) -> str:
    """In an attribute without quotes."""
    return in_quotes(value).translate(_BLANKS) or FAILSAFE


def name(value: Any) -> str:
    """As part of a tag's or attribute's name: letters and digits, and nothing that would be run or followed."""
    text = shown(value).lower()
    return text if text.isascii() and text.isalnum() and not text.startswith("on") and text != "style" else FAILSAFE


def url(value: Any, first: bool, query: bool) -> str:
    """In a URL: `first` when it may bring the scheme, `query` after `?` or `#`."""
    text = shown(value)
    if first and not isinstance(value, SafeUrl) and not _harmless(text):
        return "#" + FAILSAFE
    return _percent(text, keep=not query or isinstance(value, SafeUrl))


def _harmless(text: str) -> bool:
    scheme, colon, _ = text.partition(":")
    return not colon or "/" in scheme or scheme.lower() in ("http", "https", "mailto")


def _percent(text: str, keep: bool) -> str:
    raw, made = text.encode(), bytearray()
    for at, byte in enumerate(raw):
        escaped = byte == 0x25 and _HEX.match(raw, at + 1) is not None
        if byte in _PLAIN or (keep and (byte in _RESERVED or escaped)):
            made.append(byte)
        else:
            made += b"%%%02x" % byte
    return made.decode()


def script(value: Any) -> str:
    """As a value in JavaScript."""
    text = go_json(value).decode() if not isinstance(value, str) else go_json(str(value)).decode()
    return f" {text} " if text and (text[0].isalnum() or text[0] in "-_$") else text


def script_string(value: Any) -> str:
    """Inside a string in JavaScript."""
    return "".join(_JS.get(char, char) for char in shown(value))


def style(value: Any) -> str:
    """As a value in CSS: plain words, numbers and colours only."""
    text = shown(value)
    low = text.lower()
    good = not any(char in "\0\"'()/;@[\\]`{}<>" for char in text) and "--" not in text
    return text if good and "expression" not in low and "mozbinding" not in low else FAILSAFE


def style_string(value: Any, first: bool) -> str:
    """Inside a string in CSS, which may be a URL: `first` when it may bring the scheme."""
    text = shown(value)
    if first and not isinstance(value, SafeUrl) and not _harmless(text):
        return "#" + FAILSAFE
    return _CSS_CHAR.sub(lambda m: f"\\{ord(m.group()):x}{' ' if _CSS_GAP.match(text, m.end()) else ''}", text)
