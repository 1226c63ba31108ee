"""Go's html/template: each value is escaped for the place where it stands. Source: html/template/{escape,transition}.go.

The place is followed while the page is written, text by text, instead of ahead of it; comments are left out.
"""

from __future__ import annotations

import re
from typing import Any

from opsctl.gotemplate import html_escape as write

_TEXT, _COMMENT, _TAG, _NAME, _AFTER, _BEFORE, _VALUE, _RAW = range(8)
_OPEN = re.compile(r"<!--|</?([a-zA-Z][a-zA-Z0-9:-]*)")
_STRAY = re.compile(r"<(?!!DOCTYPE)", re.IGNORECASE)
_SPECIAL = ("script", "style", "title", "textarea")
_URLS = frozenset((
    "action", "archive", "background", "cite", "classid", "codebase", "data", "formaction", "href", "icon",
    "longdesc", "manifest", "poster", "profile", "src", "usemap",
))  # fmt: skip
_BLANK = " \t\r\n\f"


class HtmlPage:
    """Follows one page. `text` gives the part of a template's text that is kept, `value` a value escaped."""

    def __init__(self) -> None:
        self._state = _TEXT
        self._element = ""
        self._closing = False
        self._attribute = ""
        self._quote = ""
        self._written = ""  # of the attribute's value, or of the script or style

    def text(self, text: str) -> str:
        """Moves on over the template's own text."""
        made, at = "", 0
        while at < len(text):
            piece, at = self._step(text, at)
            made += piece
        return made

    def value(self, value: Any, last: str) -> str:
        """A value, where we are; `last` names the last function of its pipeline."""
        if self._state == _BEFORE:
            self._state, self._quote, self._written = _VALUE, "", ""
        made = self._escaped(value, last)
        if self._state == _NAME:
            self._attribute += made
        elif self._state == _TAG:
            self._state, self._attribute = _NAME, made
        return made

    # -- values

    def _escaped(self, value: Any, last: str) -> str:
        if self._state == _COMMENT:
            return ""
        if self._state in (_TAG, _NAME, _AFTER):
            return write.name(value)
        if self._state == _VALUE:
            return self._in_attribute(value, last)
        if self._state == _RAW and self._element in ("script", "style"):
            return self._in_code(write.html(value) if last == "html" else value, self._element == "script")
        if last == "html":
            return write.html(value)
        return write.in_rcdata(value) if self._state == _RAW else write.in_text(value)

    def _in_code(self, value: Any, script: bool) -> str:
        inside = _inside_string(self._written)
        if inside is not None:
            return write.script_string(value) if script else write.style_string(value, first=not inside.strip())
        return write.script(value) if script else write.style(value)

    def _in_attribute(self, value: Any, last: str) -> str:
        kind = _kind(self._attribute)
        if kind == "url" and last != "urlquery":
            written = self._written.strip()
            value = write.url(value, first=not written, query="?" in written or "#" in written)
        elif kind in ("script", "style"):
            value = self._in_code(value, kind == "script")
        if not self._quote:
            return write.unquoted(write.html(value) if last == "html" else value)
        return write.html(value) if last == "html" else write.in_quotes(value)

    # -- the template's text

    def _step(self, text: str, at: int) -> tuple[str, int]:
        """What is kept of a piece of text from `at` on, and where the next one begins."""
        if self._state == _TEXT:
            return self._in_text(text, at)
        if self._state == _COMMENT:
            end = text.find("-->", at)
            self._state = _COMMENT if end < 0 else _TEXT
            return "", len(text) if end < 0 else end + 3
        if self._state == _RAW:
            return self._in_raw(text, at)
        if self._state == _VALUE:
            return self._in_value(text, at)
        return self._in_tag(text[at]), at + 1

    def _in_text(self, text: str, at: int) -> tuple[str, int]:
        found = _OPEN.search(text, at)
        if found is None:
            return _plain(text[at:]), len(text)
        before = _plain(text[at : found.start()])
        if found.group() == "<!--":
            self._state = _COMMENT
            return before, found.end()
        self._state, self._element = _TAG, found.group(1).lower()
        self._closing = found.group().startswith("</")
        return before + found.group(), found.end()

    def _in_raw(self, text: str, at: int) -> tuple[str, int]:
        end = re.compile(f"</{self._element}", re.IGNORECASE).search(text, at)
        piece = text[at : end.start() if end else len(text)]
        self._written += piece
        piece = piece if self._element in ("script", "style") else _plain(piece)
        if end is None:
            return piece, len(text)
        self._state, self._closing = _TAG, True
        return piece + end.group(), end.end()

    def _in_value(self, text: str, at: int) -> tuple[str, int]:
        ends = self._quote or f"{_BLANK}>"
        end = next((n for n in range(at, len(text)) if text[n] in ends), len(text))
        self._written += text[at:end]
        if end == len(text):
            return text[at:], end
        self._state, self._attribute = _TAG, ""
        return (text[at : end + 1], end + 1) if self._quote else (text[at:end], end)

    def _in_tag(self, char: str) -> str:
        if char == ">":
            raw = self._element in _SPECIAL and not self._closing
            self._state, self._written, self._attribute = (_RAW if raw else _TEXT), "", ""
        elif self._state == _BEFORE and char not in _BLANK:
            self._state, self._quote, self._written = _VALUE, (char if char in "\"'" else ""), ""
            self._written = "" if self._quote else char
        elif char == "=" and self._state in (_NAME, _AFTER):
            self._state = _BEFORE
        elif char in _BLANK:
            self._state = _AFTER if self._state == _NAME else self._state
        elif self._state in (_TAG, _AFTER) and char != "/":
            self._state, self._attribute = _NAME, char
        elif self._state == _NAME:
            self._attribute += char
        return char


def _plain(text: str) -> str:
    """Text between tags: a `<` that opens none is escaped, a document type is left."""
    return _STRAY.sub("&lt;", text)


def _kind(attribute: str) -> str:
    """What stands in an attribute: url, script, style or plain text."""
    name = attribute.lower()
    name = name.removeprefix("data-") if name.startswith("data-") else name.rpartition(":")[2]
    if attribute.lower().startswith("xmlns") or name in _URLS or any(part in name for part in ("src", "uri", "url")):
        return "url"
    return "script" if name.startswith("on") else "style" if name == "style" else ""


def _inside_string(code: str) -> str | None:
    """What a string holds in which code breaks off; None when it does not."""
    quote, skip, begun = "", False, 0
    for at, char in enumerate(code):
        if skip:
            skip = False
        elif char == "\\":
            skip = True
        elif quote:
            quote = "" if char == quote else quote
        elif char in "\"'`":
            quote, begun = char, at + 1
    return code[begun:] if quote else None
