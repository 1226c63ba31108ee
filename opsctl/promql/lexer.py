"""PromQL's tokens with their positions: what a character means depends on the brackets it stands in.

Source: promql/parser/lex.go. An error is a token too, the last one: whoever reads up to it reports it, and whatever
is wrong before it comes first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from opsctl.promql.errors import PromqlParseError
from opsctl.promql.scan import ALNUM, is_digit, rune, scan_escape, scan_number

Kind = Literal[
    "identifier", "metric identifier", "number", "duration", "string", "operator", "aggregator", "keyword",
    "preprocessor", "punctuation", "error", "end of input",
]  # fmt: skip

SPACE = " \t\n\r"
_AGGREGATORS = "sum avg count min max group stddev stdvar topk bottomk count_values quantile limitk limit_ratio"
_KEYWORDS = "offset smoothed anchored by without on ignoring group_left group_right bool"
AGGREGATORS = frozenset(_AGGREGATORS.split())
KEYWORDS = frozenset(_KEYWORDS.split())
FILLS = ("fill", "fill_left", "fill_right")
_WORDS: dict[str, Kind] = {
    **dict.fromkeys(("and", "or", "unless", "atan2"), "operator"),
    **dict.fromkeys(AGGREGATORS, "aggregator"),
    **dict.fromkeys(KEYWORDS, "keyword"),
    **dict.fromkeys(("start", "end", "step", "range"), "preprocessor"),
    **dict.fromkeys(("inf", "nan"), "number"),
}
_OPERATORS = ("==", "!=", "<=", ">=", "</", ">/", "+", "-", "*", "/", "%", "^", "<", ">", "@")
_DURATION_WORDS = ("step", "range", "min", "max", "min_of", "max_of")
_COMMENT = re.compile(r"#[^\r\n]*")
_SPACES = re.compile(f"[{SPACE}]+")
_WORD = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_LETTERS = re.compile(r"[a-zA-Z_]*")
_DURATION = re.compile(r"[smhdwy]s?(?:\d+[smhdw]s?)*(?:\d+(?![smhdw]))?")
_DEEPEST = 200
_NAMES = {"(": "parenthesis", "{": "brace", "[": "bracket", ")": "parenthesis", "]": "bracket"}


@dataclass(frozen=True, slots=True)
class Token:
    """One token: `text` as written (of an error: the sentence), `position` its first character."""

    kind: Kind
    text: str
    position: int

    @property
    def end(self) -> int:
        return self.position + (len(self.text) if self.kind != "error" else 0)

    def described(self) -> str:
        """As Prometheus names it after the word `unexpected`."""
        if self.kind == "end of input":
            return self.kind
        if self.kind in ("operator", "aggregator", "keyword"):
            return {"operator": "<op:{}>", "aggregator": "<aggr:{}>", "keyword": "<{}>"}[self.kind].format(self.text)
        if self.kind in ("punctuation", "preprocessor"):
            return _quoted(self.text)
        short = self.kind not in ("identifier", "metric identifier") and len(self.text) > 10
        return f"{self.kind} {_quoted(self.text[:10]) + '...' if short else _quoted(self.text)}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t") + '"'


def tokens(text: str) -> list[Token]:
    """All tokens; the last one is the end of input or an error."""
    lexer = _Lexer(text)
    found: list[Token] = []
    while not found or found[-1].kind not in ("error", "end of input"):
        found.append(lexer.next())
    return found


def label_tokens(text: str) -> list[Token]:
    """The tokens of `{…}`, without the braces. Raises PromqlParseError on one that is none."""
    found = tokens(text)
    for token in found:
        if token.kind == "error":
            raise PromqlParseError(token.text, text, token.position)
    return found[1:-2]


class _Lexer:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._brace = False
        self._bracket = False
        self._begun = False  # a duration has begun in this bracket
        self._colon = False

    def next(self) -> Token:
        self._skip()
        if self._brace:
            return self._in_braces()
        if self._bracket and not self._begun:
            return self._in_bracket()
        return self._plain()

    def _skip(self) -> None:
        while True:
            blank = _SPACES.match(self._text, self._at)
            if blank is None and (not self._bracket or self._begun):
                blank = _COMMENT.match(self._text, self._at)
            if blank is None:
                return
            self._at = blank.end()

    def _peek(self, ahead: int = 0) -> str:
        return self._text[self._at + ahead : self._at + ahead + 1]

    def _take(self, kind: Kind, length: int) -> Token:
        token = Token(kind, self._text[self._at : self._at + length], self._at)
        self._at += length
        return token

    def _error(self, sentence: str) -> Token:
        return Token("error", sentence, self._at)

    def _plain(self) -> Token:
        char = self._peek()
        if char == "":
            return self._end()
        if char in "([{":
            return self._opened(char)
        if char in ")]":
            return self._closed(char)
        if char == ",":
            return self._take("punctuation", 1)
        if char in "\"'`":
            return self._string(char)
        if is_digit(char) or (char == "." and is_digit(self._peek(1))):
            return self._number()
        if char == ":" or _LABEL.match(char):
            return self._in_bracket_word(char) if self._bracket else self._word()
        return self._operator(char)

    def _end(self) -> Token:
        if self._depth:
            return self._error("unclosed left parenthesis")
        return self._error("unclosed left bracket") if self._bracket else Token("end of input", "", self._at)

    def _operator(self, char: str) -> Token:
        for each in _OPERATORS:
            if self._text.startswith(each, self._at):
                return self._take("operator", len(each))
        if char == "=" and self._peek(1) != "~":
            return self._take("punctuation", 1)
        if char in "=!":
            return self._error(f"unexpected character after '{char}': {rune(self._peek(1))}")
        return self._error(f"unexpected character: {rune(char)}")

    def _opened(self, char: str) -> Token:
        if char == "[":
            if self._bracket:
                return self._error("unexpected left bracket '['")
            self._bracket, self._begun, self._colon = True, False, False
        self._brace = char == "{"
        self._depth += char == "("
        if self._depth > _DEEPEST:
            return self._error(f"more than {_DEEPEST} brackets inside each other")
        return self._take("punctuation", 1)

    def _closed(self, char: str) -> Token:
        if char == "]" and not self._bracket:
            return self._error("unexpected right bracket ']'")
        token = self._take("punctuation", 1)
        self._bracket = self._bracket and char != "]"
        self._depth -= char == ")"
        return token if self._depth >= 0 else self._error("unexpected right parenthesis ')'")

    def _word(self) -> Token:
        match = _WORD.match(self._text, self._at)
        assert match is not None
        word = match.group()
        kind: Kind = "metric identifier" if ":" in word else _WORDS.get(word.lower(), "identifier")
        if word.lower() in FILLS and self._text[match.end() :].lstrip(SPACE)[:1] == "(":
            kind = "keyword"
        return self._take(kind, len(word))

    def _in_bracket(self) -> Token:
        """At the begin of a range: a duration, or an expression of durations."""
        char = self._peek()
        if char == "":
            return self._error("unexpected end of input in duration expression")
        if char in "])":
            return self._closed(char)
        if char == ":":
            return self._error("unexpected colon before duration in duration expression")
        if char in "(":
            return self._opened(char)
        if char in "+-*/%^":
            return self._take("operator", 1)
        if char == ",":
            return self._take("punctuation", 1)
        if is_digit(char) or (char == "." and is_digit(self._peek(1))):
            self._begun = True
            return self._number()
        word = self._duration_word()
        return word or self._error(f"unexpected character in duration expression: {rune(char)}")

    def _in_bracket_word(self, char: str) -> Token:
        if char == ":":
            if self._colon:
                return self._error("unexpected colon ':'")
            self._colon = True
            return self._take("punctuation", 1)
        return self._duration_word() or self._error(f"unexpected character: {rune(char)}, expected ':'")

    def _duration_word(self) -> Token | None:
        match = _LETTERS.match(self._text, self._at)
        known = match is not None and match.group().lower() in _DURATION_WORDS
        return self._take("preprocessor", len(match.group())) if match is not None and known else None

    def _in_braces(self) -> Token:
        char = self._peek()
        if char == "":
            return self._error("unexpected end of input inside braces")
        name = _LABEL.match(self._text, self._at)
        if name:
            return self._take("identifier", len(name.group()))
        if char in "\"'`":
            return self._string(char)
        for each in ("=~", "!~", "!=", "=", ",", "}"):
            if self._text.startswith(each, self._at):
                self._brace = each != "}"
                return self._take("operator" if len(each) == 2 else "punctuation", len(each))
        if char == "!":
            return self._error(f"unexpected character after '!' inside braces: {rune(self._peek(1))}")
        if char == "{":
            return self._error("unexpected left brace '{'")
        return self._error(f"unexpected character inside braces: {rune(char)}")

    def _number(self) -> Token:
        end, sound = scan_number(self._text, self._at)
        if sound:
            return self._take("number", end - self._at)
        duration = _DURATION.match(self._text, end)
        end = duration.end() if duration else end
        if duration and not is_digit(self._text[end - 1]) and not ALNUM.match(self._text, end):
            return self._take("duration", end - self._at)
        if duration and not is_digit(self._text[end - 1]):
            end += 1  # the character that does not belong there
        return self._error(f'bad number or duration syntax: "{self._text[self._at : end]}"')

    def _string(self, mark: str) -> Token:
        at = self._at + 1
        while True:
            char = self._text[at : at + 1]
            if char == mark:
                return self._take("string", at + 1 - self._at)
            if char == "" or (char == "\n" and mark != "`"):
                return self._error("unterminated raw string" if mark == "`" else "unterminated quoted string")
            if char == "\ufffd" or "\ud800" <= char <= "\udfff":
                return self._error("invalid UTF-8 rune")
            at += 1
            if char == "\\" and mark != "`":
                at, wrong = scan_escape(self._text, at, mark)
                if wrong:
                    return self._error(wrong)
